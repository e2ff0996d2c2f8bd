import { createLogger } from '../../src/log.js';
import { createHomes } from '../../src/jobs/homes.js';
import { createAuditKeys } from '../../src/audit/keys.js';
import { currentReference, withReference } from '../../src/reference.js';
import { eventually } from '../support/eventually.js';
import { quietSealer } from '../support/sealer.js';

/* What a request wakes serves others' requests, too: their lines must not stand under its reference. */

const unused = () => Promise.reject(new Error('not called'));
const log = createLogger('fatal');

test('a seal is nobody’s', async () => {
  const under: (string | null)[] = [];
  const wakers: (() => void)[] = [];
  const sealer = quietSealer({
    seals: {
      keys: createAuditKeys([Buffer.alloc(32)]),
      whenAppended(wake) {
        wakers.push(wake);
      },
      findUnsealed() {
        under.push(currentReference());
        return Promise.reject(new Error('enough is known'));
      },
      find: unused,
      write: unused,
      after: unused,
      isOwed: unused,
      claimWitness: unused,
      recordSent: unused,
      releaseWitness: unused,
    },
    log,
  });
  sealer.start();
  withReference(() => wakers[0]?.());
  await eventually(async () => expect(under).toEqual([null]));
  await sealer.stop();
});

test('nor is an update of the home tabs', async () => {
  const under: (string | null)[] = [];
  const anyIsWatched = async () => {
    under.push(currentReference());
    return false;
  };
  const homes = createHomes({
    db: { homes: { anyIsWatched, requestUpdates: unused, open: unused } },
    outbox: { deliver: unused, due: unused, deliverAbout: unused, deliverNewest: unused },
    mark: unused,
    log,
  });
  withReference(() => homes.changed());
  await eventually(async () => expect(under).toEqual([null]));
  await homes.stop();
});
