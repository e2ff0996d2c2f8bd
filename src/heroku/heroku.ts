import type { Network } from '../network/network.js';
import type { HerokuBudget, HerokuUse } from './budget.js';
import {
  type App,
  type Dyno,
  type Reading,
  type Release,
  readApp,
  readConfigVar,
  readConfigVars,
  readDynos,
  readRelease,
  readReleases,
} from './bodies.js';
import { OneSendClient, type Sender, type SendOptions } from './client.js';
import { shown, type Task } from './explain.js';
import { lost, overBudget, refusedByHeroku, refusedHere, unreadable } from './failures.js';
import { rateLimitRemaining } from './limits.js';
import { isConfigVarName } from './names.js';
import { appPath, releasePath, UnusableSegment } from './paths.js';

export type { Dyno, Release } from './bodies.js';
export type { HerokuUse } from './budget.js';
export { HerokuError, type HerokuErrorKind } from './error.js';
export { CONFIG_VARS_MAX_BYTES, isAppName, isConfigVarName } from './names.js';

export interface HerokuOptions {
  readonly apiKey: string;
  readonly apiUrl: string;
  readonly network: Pick<Network, 'agents'>;
  /** Milliseconds for a whole call, connecting and reading included. Default 10,000. */
  readonly deadlineMs?: number;
  /** For a `Retry-After` that names a date. */
  readonly now?: () => Date;
  /** Asked before each request; false: it isn't sent. */
  readonly admit?: HerokuBudget['admit'];
}

export interface CallOptions {
  /** Milliseconds for this call, instead of the default. */
  readonly deadlineMs?: number;
  /** Stops the call: it rejects at once, as `unreachable` (not yet sent) or `unknown_outcome`. */
  readonly signal?: AbortSignal;
}

export interface WriteOptions extends CallOptions {
  /**
   * Asked once the connection is there, right before the request is written. false: nothing is sent, and the call
   * rejects as `withheld`. Only the caller can know that its lease has expired.
   */
  readonly mayStillSend: () => boolean;
}

/**
 * Heroku's Platform API, as far as promotions need it. Every method sends exactly one request, never a second one, ends
 * by its deadline, and rejects only with a {@link HerokuError}. `app` is an app's name or id.
 * https://devcenter.heroku.com/articles/platform-api-reference
 */
export interface Heroku {
  /**
   * Resolves with the current value, null if unset. During a release phase that is the old value.
   * https://devcenter.heroku.com/articles/platform-api-reference#config-vars-info-for-app
   */
  readConfigVar(app: string, name: string, options?: CallOptions): Promise<string | null>;
  /**
   * Several config vars of an app in one request, by name; null if unset. A name that no config var can have is unset.
   * https://devcenter.heroku.com/articles/platform-api-reference#config-vars-info-for-app
   */
  readConfigVars(
    app: string,
    names: readonly string[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, string | null>>;
  /**
   * Sets, or with null removes, one config var: Heroku makes a release and restarts the app's dynos. Resolves with the
   * value that Heroku echoed in its 200. After an error with `outcomeUnknown`, find out by reading.
   * https://devcenter.heroku.com/articles/platform-api-reference#config-vars-update
   */
  setConfigVar(app: string, name: string, value: string | null, options: WriteOptions): Promise<string | null>;
  /** Resolves with the newest release, whatever its status; null if the app has none. */
  latestRelease(app: string, options?: CallOptions): Promise<Release | null>;
  /**
   * Resolves with up to `max` releases (1 to 1,000), newest first.
   * https://devcenter.heroku.com/articles/platform-api-reference#release-list
   */
  releases(app: string, page: { readonly max: number }, options?: CallOptions): Promise<readonly Release[]>;
  /**
   * Resolves with one release, by its id or version.
   * https://devcenter.heroku.com/articles/platform-api-reference#release-info
   */
  release(app: string, id: string, options?: CallOptions): Promise<Release>;
  /**
   * Resolves with the value that a release has, or would have, in force; null if unset.
   * https://devcenter.heroku.com/articles/platform-api-reference#config-vars-info-for-app-release
   */
  configVarAtRelease(app: string, releaseId: string, name: string, options?: CallOptions): Promise<string | null>;
  /** Several config vars of a release in one request, by name; null if unset. */
  configVarsAtRelease(
    app: string,
    releaseId: string,
    names: readonly string[],
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, string | null>>;
  /**
   * Resolves with every dyno of an app, one-off ones included. A key that may read releases may still be refused this.
   * https://devcenter.heroku.com/articles/platform-api-reference#dyno-list
   */
  dynos(app: string, options?: CallOptions): Promise<readonly Dyno[]>;
  /**
   * Resolves with the app's id and current name; rejects as `not_found` if there is none.
   * https://devcenter.heroku.com/articles/platform-api-reference#app-info
   */
  app(app: string, options?: CallOptions): Promise<App>;
  /**
   * The account's remaining requests, by the last answer's `RateLimit-Remaining`; null if that is over five minutes
   * old, because Heroku keeps adding some.
   */
  rateLimitRemaining(): number | null;
  /** Stops running calls and refuses later ones. Leaves no socket and no timer. */
  close(): void;
}

/** One Heroku for all uses; its own requests count as a person's. */
export interface SharedHeroku extends Heroku {
  /** The same connections and limits; requests count for another use. */
  usedFor(use: HerokuUse): Heroku;
}

interface Call<T> {
  readonly task: Task;
  readonly path: () => string;
  readonly accepts: readonly number[];
  readonly read: (text: string) => Reading<T>;
  readonly range?: string;
  readonly change?: Readonly<Record<string, string | null>>;
}

const DEFAULT_DEADLINE_MS = 10_000;
const LARGEST_PAGE = 1_000;
const REMAINING_HOLDS_MS = 5 * 60_000;

/** Connects to nothing yet. The API key stays inside: no property of the result leads to it. */
export function createHeroku(options: HerokuOptions): SharedHeroku {
  const { apiKey: token, apiUrl: host, network } = options;
  const client = new OneSendClient({ token, host, userAgent: 'flag-promotions', network });
  return createHerokuOver(client, options);
}

/** The adapter over any sender of requests. */
export function createHerokuOver(
  client: Sender,
  options: Pick<HerokuOptions, 'deadlineMs' | 'now' | 'admit'>,
): SharedHeroku {
  const limit: AccountLimit = { remaining: null };
  const usedFor = (use: HerokuUse) => herokuFor(use, client, limit, options);
  return { ...usedFor('person'), usedFor };
}

interface AccountLimit {
  remaining: { readonly count: number; readonly at: number } | null;
}

function herokuFor(
  use: HerokuUse,
  client: Sender,
  limit: AccountLimit,
  options: Pick<HerokuOptions, 'deadlineMs' | 'now' | 'admit'>,
): Heroku {
  const now = options.now ?? (() => new Date());

  async function send<T>(call: Call<T>, callOptions: Partial<WriteOptions> = {}): Promise<T> {
    const deadlineMs = callOptions.deadlineMs ?? options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    const { signal, mayStillSend } = callOptions;
    const request = requestOf(call);
    if (options.admit !== undefined && !(await options.admit(use))) throw overBudget(call.task);
    const outcome = await client.request({ ...request, deadlineMs, signal, mayStillSend });
    if (outcome.type === 'lost') throw lost(call.task, outcome, deadlineMs);
    const left = rateLimitRemaining(outcome.headers);
    if (left !== null) limit.remaining = { count: left, at: performance.now() };
    if (!call.accepts.includes(outcome.status)) throw refusedByHeroku(call.task, outcome, now());
    const reading = call.read(outcome.text);
    if (!reading.ok) throw unreadable(call.task, outcome, reading.fault);
    return reading.value;
  }

  const releases: Heroku['releases'] = async (app, { max }, callOptions) => {
    const task = reading(`the releases of ${shown(app)}`);
    if (!Number.isInteger(max) || max < 1 || max > LARGEST_PAGE) throw refusedHere(task);
    return send(
      {
        task,
        path: () => `${appPath(app)}/releases`,
        range: `version ..; order=desc,max=${max}`,
        accepts: [200, 206],
        read: (text) => readReleases(text, max),
      },
      callOptions,
    );
  };

  return {
    releases,
    readConfigVar: async (app, name, callOptions) => {
      const task = reading(`${shown(name)} of ${shown(app)}`);
      const path = () => configVarsPath(appPath(app), name);
      return send({ task, path, accepts: [200], read: (text) => readConfigVar(text, name) }, callOptions);
    },
    readConfigVars: async (app, names, callOptions) => {
      const task = reading(`${names.length} config vars of ${shown(app)}`);
      const path = () => `${appPath(app)}/config-vars`;
      return send({ task, path, accepts: [200], read: (text) => readConfigVars(text, names) }, callOptions);
    },
    setConfigVar: async (app, name, value, callOptions) => {
      const task = { words: `${value === null ? 'remove' : 'set'} ${shown(name)} on ${shown(app)}`, writes: true };
      const path = () => configVarsPath(appPath(app), name);
      const change = { [name]: value };
      return send({ task, path, change, accepts: [200], read: (text) => readConfigVar(text, name) }, callOptions);
    },
    latestRelease: async (app, callOptions) => (await releases(app, { max: 1 }, callOptions))[0] ?? null,
    release: async (app, id, callOptions) => {
      const task = reading(`release ${shown(id)} of ${shown(app)}`);
      return send({ task, path: () => releasePath(app, id), accepts: [200], read: readRelease }, callOptions);
    },
    configVarAtRelease: async (app, releaseId, name, callOptions) => {
      const task = reading(`${shown(name)} at release ${shown(releaseId)} of ${shown(app)}`);
      const path = () => configVarsPath(releasePath(app, releaseId), name);
      return send({ task, path, accepts: [200], read: (text) => readConfigVar(text, name) }, callOptions);
    },
    configVarsAtRelease: async (app, releaseId, names, callOptions) => {
      const task = reading(`${names.length} config vars at release ${shown(releaseId)} of ${shown(app)}`);
      const path = () => `${releasePath(app, releaseId)}/config-vars`;
      return send({ task, path, accepts: [200], read: (text) => readConfigVars(text, names) }, callOptions);
    },
    dynos: async (app, callOptions) => {
      const task = reading(`the dynos of ${shown(app)}`);
      return send(
        {
          task,
          path: () => `${appPath(app)}/dynos`,
          range: `id ..; max=${LARGEST_PAGE}`,
          accepts: [200, 206],
          read: (text) => readDynos(text, LARGEST_PAGE),
        },
        callOptions,
      );
    },
    app: async (app, callOptions) => {
      const task = reading(`the app ${shown(app)}`);
      return send({ task, path: () => appPath(app), accepts: [200], read: readApp }, callOptions);
    },
    rateLimitRemaining() {
      const { remaining } = limit;
      return remaining === null || performance.now() - remaining.at > REMAINING_HOLDS_MS ? null : remaining.count;
    },
    close: () => client.close(),
  };
}

function reading(what: string): Task {
  return { words: `read ${what}`, writes: false };
}

function configVarsPath(parent: string, name: string): string {
  if (!isConfigVarName(name)) throw new UnusableSegment('Not a name of a config var.');
  return `${parent}/config-vars`;
}

function requestOf<T>(call: Call<T>): Omit<SendOptions, 'deadlineMs'> {
  try {
    return {
      path: call.path(),
      method: call.change === undefined ? 'GET' : 'PATCH',
      ...(call.range !== undefined && { headers: { Range: call.range } }),
      ...(call.change !== undefined && { body: call.change }),
    };
  } catch (error) {
    if (error instanceof UnusableSegment) throw refusedHere(call.task);
    throw error;
  }
}
