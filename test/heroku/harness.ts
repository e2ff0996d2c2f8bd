import { inspect } from 'node:util';
import { type HerokuStandIn, type HerokuStandInOptions, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { createHeroku, type Heroku, HerokuError, type HerokuOptions } from '../../src/heroku/heroku.js';
import { DIRECTLY } from '../support/network.js';

export const APP = 'raxx-console-prod';
export const FLAG = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

/** Planted secrets; none may turn up anywhere but in Heroku. */
export const TOKEN = 'HRKU-canary-token-5f1d';
export const OTHER_VALUE = 'postgres://canary:other-vars-value@db/prod';
export const SET_VALUE = 'canary-value-being-set';
export const OLD_VALUE = 'canary-old-value';
const CANARIES = [TOKEN, Buffer.from(`:${TOKEN}`).toString('base64'), OTHER_VALUE, SET_VALUE, OLD_VALUE, 'canary'];

/** For a write that nothing withholds. */
export const ANY_TIME = { mayStillSend: () => true };

export interface Harness {
  readonly standIn: HerokuStandIn;
  readonly heroku: Heroku;
  close(): Promise<void>;
}

export async function startHarness(
  options: Partial<HerokuStandInOptions> = {},
  herokuOptions: Partial<HerokuOptions> = {},
): Promise<Harness> {
  const apps = { [APP]: { vars: { [FLAG]: OLD_VALUE, DATABASE_URL: OTHER_VALUE } } };
  const standIn = await startHerokuStandIn({ apiKey: TOKEN, apps, ...options });
  const heroku = createHeroku({ apiKey: TOKEN, apiUrl: standIn.apiUrl, network: DIRECTLY, ...herokuOptions });
  return {
    standIn,
    heroku,
    close: async () => {
      heroku.close();
      await standIn.close();
    },
  };
}

/** The HerokuError that a call rejects with; fails on anything else. */
export async function errorOf(call: Promise<unknown>): Promise<HerokuError> {
  const outcome: unknown = await call.then(
    (value) => new Error(`Resolved with ${inspect(value)}.`),
    (error: unknown) => error,
  );
  if (outcome instanceof HerokuError) return outcome;
  throw outcome;
}

/** Every planted secret that printing, logging or serialising a value reveals. */
export function leaksOf(value: unknown): string[] {
  const cause = value instanceof Error ? value.cause : undefined;
  const texts = [value, cause].flatMap((part) => [
    JSON.stringify(part, part instanceof Error ? Object.getOwnPropertyNames(part) : undefined) ?? '',
    JSON.stringify(part) ?? '',
    inspect(part, { depth: Number.POSITIVE_INFINITY, showHidden: true, getters: true }),
    String(part),
  ]);
  return CANARIES.filter((canary) => texts.some((text) => text.includes(canary)));
}
