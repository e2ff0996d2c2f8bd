import { setTimeout as sleep } from 'node:timers/promises';
import { createAuditKeys } from '../../src/audit/keys.js';
import { openDatabase } from '../../src/db/database.js';

/** Verifies the audit log on request, with the app's own module. */
const db = openDatabase(process.argv[2] ?? '', { maxConnections: 1, auditKeys: createAuditKeys([new Uint8Array(32)]) });
// What connecting loads isn't part of verifying.
await db.checkWrites();
await sleep(500);
process.on('message', (asked) => {
  if (asked !== 'verify') return;
  db.audit
    .verify()
    .then((verdict) => process.stdout.write(`"verified ${verdict.events} ${verdict.intact}"\n`))
    .catch((error: unknown) => {
      process.stderr.write(`${String(error)}\n`);
      process.exit(1);
    });
});
process.stdout.write('"up"\n');
