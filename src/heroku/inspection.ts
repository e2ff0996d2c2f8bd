import * as z from 'zod';
import { leavesOutcomeOpen } from '../network/failures.js';
import type { Network } from '../network/network.js';
import { type ClockReading, readClock } from '../promotions/clock.js';
import { OneSendClient } from './client.js';
import { isNotHerokus } from './failures.js';
import { createHeroku, HerokuError, type HerokuErrorKind } from './heroku.js';

/** What Heroku says of the API key, as far as it said anything. */
export interface HerokuInspection {
  /**
   * `known`: the scopes of this very key. `not_told`: the key is good, but scoped keys may not list authorizations, and
   * an account's own key isn't among them.
   */
  readonly key:
    | { readonly kind: 'known'; readonly scopes: readonly string[] }
    | { readonly kind: 'not_told' }
    | { readonly kind: 'refused' }
    /** Something in between answered. */
    | { readonly kind: 'not_herokus' }
    /** `code`: why no answer came; null if one came that is unusable. */
    | { readonly kind: 'no_answer'; readonly code: string | null };
  /** Each app whose config var was tried: ok, or why not. */
  readonly apps: readonly { readonly app: string; readonly outcome: 'ok' | HerokuErrorKind }[];
  readonly clock: ClockReading | null;
}

const WITHIN_MS = 10_000;
/** The answer holds other authorizations' tokens; only our scope is kept. */
const authorizations = z.array(
  z.object({
    scope: z.array(z.string()),
    access_token: z.object({ token: z.string().nullish() }).nullish(),
  }),
);

/**
 * Asks Heroku what the key may do, without writing. Never rejects. Whether it may write is known only if Heroku lists
 * the key's scopes: only a write would show it otherwise.
 */
export async function inspectHeroku(options: {
  readonly apiKey: string;
  readonly apiUrl: string;
  /** Apps to try it on, each with one of its config vars. */
  readonly tried: readonly { readonly app: string; readonly configVar: string }[];
  readonly network: Pick<Network, 'agents'>;
  readonly now: () => Date;
}): Promise<HerokuInspection> {
  const { apiKey, apiUrl, network, now } = options;
  const client = new OneSendClient({ token: apiKey, host: apiUrl, userAgent: 'flag-promotions', network });
  const heroku = createHeroku({ apiKey, apiUrl, network, deadlineMs: WITHIN_MS });
  try {
    const sentAt = now();
    const outcome = await client.request({ method: 'GET', path: '/oauth/authorizations', deadlineMs: WITHIN_MS });
    if (outcome.type === 'lost') {
      const code = outcome.reason === 'deadline' ? 'TIMEOUT' : outcome.code;
      return { key: { kind: 'no_answer', code }, apps: [], clock: null };
    }
    const clock = readClock(outcome.headers.date ?? null, sentAt, now());
    if (isNotHerokus(outcome)) return { key: { kind: 'not_herokus' }, apps: [], clock: null };
    const key = keyOf(outcome.status, outcome.text, apiKey);
    const apps: { app: string; outcome: 'ok' | HerokuErrorKind }[] = [];
    if (key.kind !== 'refused') {
      for (const { app, configVar } of options.tried) {
        apps.push({ app, outcome: await outcomeOf(heroku.readConfigVar(app, configVar)) });
      }
    }
    return { key, apps, clock };
  } finally {
    client.close();
    heroku.close();
  }
}

function keyOf(status: number, text: string, apiKey: string): HerokuInspection['key'] {
  if (status === 401) return { kind: 'refused' };
  if (leavesOutcomeOpen(status) || status === 429) return { kind: 'no_answer', code: null };
  const listed = authorizations.safeParse(status < 300 ? parseJson(text) : null);
  const own = listed.success ? listed.data.find(({ access_token }) => access_token?.token === apiKey) : undefined;
  return own === undefined ? { kind: 'not_told' } : { kind: 'known', scopes: own.scope };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function outcomeOf(reading: Promise<unknown>): Promise<'ok' | HerokuErrorKind> {
  try {
    await reading;
    return 'ok';
  } catch (error) {
    if (error instanceof HerokuError) return error.kind;
    throw error;
  }
}
