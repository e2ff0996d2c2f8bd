import { setMaxListeners } from 'node:events';

/** Ends whatever waits when a stand-in stops. One signal for every slow answer: Node warns of a leak at the eleventh. */
export function endOfAll(): AbortController {
  const ending = new AbortController();
  setMaxListeners(0, ending.signal);
  return ending;
}
