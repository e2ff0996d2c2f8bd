import { type Stamp, stampEvent, type WrittenEvent } from '../audit/event.js';
import type { AuditKeys } from '../audit/keys.js';
import type { Knex } from './connection.js';

const NOBODY = (): void => undefined;

/** Writes a pool's audit events. Kept on the pool, so that no function has to pass it on. */
export class AuditWriter {
  #onAppended = NOBODY;

  /** `keys` null: no MACs, no seals. For readers, and for tests of other things. */
  constructor(readonly keys: AuditKeys | null) {}

  stamp(event: WrittenEvent): Stamp {
    return stampEvent(this.keys, event);
  }

  /** Calls back after each commit of events that this pool wrote. */
  listen(onAppended: () => void): void {
    this.#onAppended = onAppended;
  }

  /** To be called when events were written on this connection. */
  appended(runner: Knex): void {
    if (!isTransaction(runner)) {
      this.#onAppended();
      return;
    }
    // It rejects on rollback, which the transaction's caller handles.
    runner.executionPromise.then(this.#onAppended, NOBODY);
  }
}

function isTransaction(runner: Knex): runner is Knex.Transaction {
  return runner.isTransaction === true;
}

/** @throws if the connection isn't from one of this app's pools */
export function auditWriterOf(runner: Knex): AuditWriter {
  const { audit }: Readonly<Record<string, unknown>> = runner.userParams;
  if (!(audit instanceof AuditWriter)) throw new Error('This connection writes no audit events.');
  return audit;
}
