import { setMaxListeners } from 'node:events';

/** Ends every wait when a stand-in stops. Slow answers share its signal, and Node takes more than ten listeners for a leak. */
export function endOfAll(): AbortController {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  return ending;
}
