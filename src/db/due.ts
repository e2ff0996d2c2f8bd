import { setTimeout as sleep } from 'node:timers/promises';
import type { Promotion } from '../promotions/promotion.js';
import { type AuditedChange, changeAudited } from './audit.js';
import type { Knex } from './connection.js';
import { QUEUE_PROGRESS, UPDATE_REPLACED } from './queueing.js';
import { parseRows, promotionRow } from './rows.js';
import { createDialer } from './server/dial.js';

/** Announces a promotion that is ready for a promoter. */
export const DUE_CHANNEL = 'flag_promotions_due';
/** A listener's message to itself: a pooler may accept LISTEN and deliver nothing. */
const HELLO = 'hello';
const FIRST_RETRY_MS = 500;
const MOST_RETRY_MS = 30_000;

/**
 * Makes a promotion due by a change that returns PROMOTION_COLUMNS, with its event and progress message. PostgreSQL
 * notifies the listeners on commit. Null: nothing changed.
 */
export async function makeDue(
  trx: Knex.Transaction,
  { promotionId, before, change, events }: Pick<AuditedChange, 'promotionId' | 'before' | 'change' | 'events'>,
): Promise<Promotion | null> {
  const changed = await changeAudited(trx, {
    promotionId,
    ...(before === undefined ? {} : { before }),
    change,
    alongside: [QUEUE_PROGRESS, UPDATE_REPLACED],
    events,
    answering: { sql: `pg_notify(?, '')`, values: [DUE_CHANNEL] },
  });
  return parseRows(changed, promotionRow)[0] ?? null;
}

/** The listener behind a pooler that delivers nothing. */
export const DEAF: DueListener = { isListening: () => false, close: async () => undefined };

export interface DueListener {
  /** Whether notifications arrive now. */
  isListening(): boolean;
  close(): Promise<void>;
}

/**
 * Calls `onDue` for each announced promotion, and after each (re)connection: missed notifications aren't repeated.
 * Reconnects with backoff; promoters poll too, so nothing depends on it. `onTrouble`: why it is down.
 */
export function listenForDue(
  connectionString: string,
  onDue: () => void,
  onTrouble: (error: unknown) => void,
): DueListener {
  const closing = new AbortController();
  const dialer = createDialer(connectionString, {
    applicationName: 'flag-promotions-listener',
    // Days may pass without a promotion.
    silentAfterMs: null,
    // A pooler delivers no hello, and a standby refuses LISTEN, so neither has to be recognised.
    isPooled: false,
    acceptsStandby: true,
  });
  let isListening = false;

  /** Rejects if the connection can't be made, or breaks. */
  async function listenOnce(onListening: () => void): Promise<void> {
    const client = await dialer.open();
    const ended = new Promise<void>((resolve, reject) => {
      // Not `once`: a connection may emit two errors, and an unhandled one ends the process.
      client.on('error', reject);
      client.once('end', resolve);
      closing.signal.addEventListener('abort', () => resolve(), { once: true });
      if (closing.signal.aborted) resolve();
    });
    // It may reject before it is awaited below, where that is handled.
    ended.catch(() => undefined);
    try {
      client.on('notification', ({ payload }) => {
        if (payload === HELLO) isListening = true;
        else onDue();
      });
      await client.query(`listen ${DUE_CHANNEL}`);
      onListening();
      onDue();
      await client.query('select pg_notify($1, $2)', [DUE_CHANNEL, HELLO]);
      await ended;
    } finally {
      isListening = false;
      client.removeAllListeners('notification');
      await client.end().catch(() => undefined);
    }
  }

  async function keepListening(): Promise<void> {
    let pauseMs = FIRST_RETRY_MS;
    while (!closing.signal.aborted) {
      try {
        await listenOnce(() => {
          pauseMs = FIRST_RETRY_MS;
        });
      } catch (error) {
        onTrouble(error);
      }
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
      pauseMs = Math.min(MOST_RETRY_MS, pauseMs * 2);
    }
  }

  const listening = keepListening();
  return {
    isListening: () => isListening,
    async close() {
      closing.abort();
      await listening;
    },
  };
}
