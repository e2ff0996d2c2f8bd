import { setTimeout as sleep } from 'node:timers/promises';
import type { Promotion } from '../promotions/promotion.js';
import { type AuditedChange, changeAudited } from './audit.js';
import type { Knex } from './connection.js';
import { QUEUE_PROGRESS } from './queueing.js';
import { parseRows, promotionRow } from './rows.js';
import { createDialer } from './server/dial.js';

/** The channel of NOTIFY on which a promotion is announced that a promoter can take up. */
export const DUE_CHANNEL = 'flag_promotions_due';
/** What a listener says to itself on it. A pooler may accept a LISTEN and deliver nothing; this shows whether it does. */
const HELLO = 'hello';
const FIRST_RETRY_MS = 500;
const MOST_RETRY_MS = 30_000;

/**
 * Makes a promotion due, by a change that returns PROMOTION_COLUMNS, and records it: how it goes is to be told in Slack, and
 * PostgreSQL tells every listener of it as that commits, or nobody. null where nothing was changed.
 */
export async function makeDue(
  trx: Knex.Transaction,
  { before, change, events }: Pick<AuditedChange, 'before' | 'change' | 'events'>,
): Promise<Promotion | null> {
  const changed = await changeAudited(trx, {
    ...(before === undefined ? {} : { before }),
    change,
    alongside: [QUEUE_PROGRESS],
    events,
    answering: { sql: `pg_notify(?, '')`, values: [DUE_CHANNEL] },
  });
  return parseRows(changed, promotionRow)[0] ?? null;
}

/** What stands in for a listener where a pooler delivers nothing. */
export const DEAF: DueListener = { isListening: () => false, close: async () => undefined };

/** Being told when a promotion is due. */
export interface DueListener {
  /** Whether what is announced now is heard. */
  isListening(): boolean;
  close(): Promise<void>;
}

/**
 * Calls `onDue` whenever a promotion is announced, on a connection of its own, and once after each (re)connection: what
 * was announced while nobody listened is not told again. A lost connection is made anew with a growing pause; nothing
 * depends on it, because promoters look by themselves too. `onTrouble` hears why it is away.
 */
export function listenForDue(
  connectionString: string,
  onDue: () => void,
  onTrouble: (error: unknown) => void,
): DueListener {
  const closing = new AbortController();
  const dialer = createDialer(connectionString, {
    applicationName: 'flag-promotions-listener',
    // Nobody may promote for days.
    silentAfterMs: null,
    // Neither a pooler nor a standby has to be recognised: the one delivers no hello, the other refuses to listen.
    isPooled: false,
    acceptsStandby: true,
  });
  let isListening = false;

  /** Listens until the connection ends; rejects where it could not be made or broke. */
  async function listenOnce(onListening: () => void): Promise<void> {
    const client = await dialer.open();
    const ended = new Promise<void>((resolve, reject) => {
      // Not `once`: a connection may fail twice in one breath, and an error that nobody hears ends the process.
      client.on('error', reject);
      client.once('end', resolve);
      closing.signal.addEventListener('abort', () => resolve(), { once: true });
      if (closing.signal.aborted) resolve();
    });
    // It may reject before it is awaited below; that is dealt with there.
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
