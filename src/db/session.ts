import type { PrimaryClient } from './primary-client.js';
import { createPathSetter } from './session-path.js';
import { createZoneSetter } from './session-zone.js';

/** Makes sessions understand our SQL, whatever the database's or the account's defaults. Call it once for a pool. */
export function createSessionSetter(): (client: PrimaryClient) => Promise<void> {
  const usePath = createPathSetter();
  const useDatabaseZone = createZoneSetter();
  return async (client) => {
    await client.settle();
    await usePath(client);
    await useDatabaseZone(client);
  };
}
