import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { endOfAll } from '../end-of-all.js';
import { startLoopbackServer } from '../loopback-server.js';
import { type ApiAnswer, type ApiRequest, answer, refuse } from './api.js';
import {
  type AppSeed,
  type AppSurroundings,
  type Changes,
  type DynoSeed,
  type ReleaseBehaviour,
  StandInApp,
  type StandInRelease,
} from './app.js';
import { bodyOf, reset, send } from './connection.js';
import { type Fault, Faults } from './faults.js';
import { planOf } from './plan.js';
import { RateLimit } from './rate-limit.js';
import { refusals } from './refusals.js';

export type { ReleaseBehaviour } from './app.js';
export type { Fault } from './faults.js';

export interface HerokuStandInOptions {
  readonly apiKey?: string;
  readonly account?: string;
  /** The API key's scopes; default `write-protected`. */
  readonly scopes?: readonly string[];
  /** By app name; names must be valid at Heroku. */
  readonly apps: Readonly<Record<string, AppSeed>>;
  readonly clock?: () => Date;
  /** Default 4,500, as Heroku's. */
  readonly requestsPerHour?: number;
  /** On 127.0.0.1; default: a free one. */
  readonly port?: number;
}

interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  /** Headers that shape the answer; never the credentials. */
  readonly headers: Readonly<{ accept: string | null; range: string | null; contentType: string | null }>;
  /** Parsed JSON; text if it isn't JSON; null if empty. */
  readonly body: unknown;
  readonly at: Date;
  /** Null until answered, and for ever if no answer was sent. */
  readonly status: number | null;
  readonly answer: unknown;
  readonly fault: Fault['kind'] | null;
}

interface SeedRelease {
  readonly app: string;
  readonly at: Date;
  readonly user: string;
  readonly description: string;
  /** What the release changes; null removes. */
  readonly vars: Changes;
}

/** A Heroku stand-in on 127.0.0.1 that tests control. Methods throw for an unknown app. */
export interface HerokuStandIn {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly account: string;
  readonly faults: Faults;
  /** Oldest first. */
  readonly requests: readonly RecordedRequest[];
  forgetRequests(): void;
  /** The value in force; null if unset. */
  getVar(app: string, name: string): string | null;
  /** Someone else sets (or with null removes) a config var, at once and whatever the release behaviour. */
  setVar(app: string, name: string, value: string | null, user?: string): void;
  /** Oldest first. */
  releases(app: string): readonly StandInRelease[];
  setReleaseBehaviour(app: string, behaviour: ReleaseBehaviour): void;
  /** Ends the oldest pending release; throws if none is pending. */
  finishRelease(app: string, end: 'succeeded' | 'failed' | 'expired'): StandInRelease;
  /** From now on each release that has ended by now answers with the status null, as some old ones do. */
  forgetStatuses(app: string): void;
  /** Replaces the default of two web dynos at the current release. */
  setDynos(app: string, dynos: readonly DynoSeed[]): void;
  /** A release in the past, by anyone; seed older ones first. */
  seedRelease(release: SeedRelease): StandInRelease;
  patchesThatChanged(app: string, name: string): number;
  /** How many PATCHes of this config var took effect, including those that changed nothing. */
  patches(app: string, name: string): number;
  /**
   * Calls back when a request was carried out (or prevented by a fault), before its answer; returns how to stop that.
   */
  onRequest(observer: (request: RecordedRequest) => void): () => void;
  /** Calls back each time the app's dynos restart; returns how to stop that. */
  onRestart(app: string, observer: (release: StandInRelease) => void): () => void;
  /** Cuts every connection and ends every timer. */
  close(): Promise<void>;
}

type Recording = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

/** Rejects if the port is taken or an app name is invalid at Heroku. */
export async function startHerokuStandIn(options: HerokuStandInOptions): Promise<HerokuStandIn> {
  const now = options.clock ?? (() => new Date());
  const apiKey = options.apiKey ?? `HRKU-${randomUUID()}`;
  const account = options.account ?? 'flag-promotions@raxx.example';
  const apps = new Map(
    Object.entries(options.apps).map(([name, seed]) => [name, makeApp(name, seed, { now, account })]),
  );
  const limit = new RateLimit(options.requestsPerHour ?? 4_500, now);
  const faults = new Faults();
  const requests: Recording[] = [];
  const changedBy = new Map<string, number>();
  const patchedBy = new Map<string, number>();
  const observers = new Set<(request: RecordedRequest) => void>();
  const stopped = endOfAll();

  const state = {
    apiKey,
    account,
    scopes: options.scopes ?? ['write-protected'],
    apps,
    onChanged: (app: StandInApp, name: string) => countUp(changedBy, `${app.name} ${name}`),
    onPatched: (app: StandInApp, name: string) => countUp(patchedBy, `${app.name} ${name}`),
  };

  async function handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const recording = record(incoming, now());
    requests.push(recording);
    const body = await bodyOf(incoming);
    recording.body = body === '' ? null : parsed(body);
    const request: ApiRequest = { method: recording.method, path: recording.path, headers: incoming.headers, body };

    const fault = faults.take(request.method, request.path);
    recording.fault = fault?.kind ?? null;
    const plan = planOf(fault);
    if (plan.delayMs > 0) await sleep(plan.delayMs, undefined, { signal: stopped.signal });
    await plan.heldUntil;
    const right = plan.takesEffect ? rightAnswer(request) : null;
    for (const observer of observers) observer(recording);
    if (plan.end === 'reset') reset(response);
    const final = plan.substitute ?? right;
    if (plan.end !== 'answer' || final === null) return;
    recording.answer = final.body;
    recording.status = send(incoming, response, final, commonHeaders(), plan.delivery);
  }

  function rightAnswer(request: ApiRequest): ApiAnswer {
    const refusal = refuse(request, apiKey);
    if (refusal !== null) return refusal;
    return limit.take() ? answer(request, state) : refusals.rateLimit();
  }

  const commonHeaders = () => ({
    'Request-Id': randomUUID(),
    'RateLimit-Multiplier': '1',
    'RateLimit-Remaining': String(limit.remaining),
  });

  const server = await startLoopbackServer(handle, options.port);

  const get = (name: string): StandInApp => {
    const app = apps.get(name);
    if (app === undefined) throw new Error(`The stand-in has no app ${name}.`);
    return app;
  };

  return {
    apiUrl: `http://127.0.0.1:${server.port}`,
    apiKey,
    account,
    faults,
    requests,
    forgetRequests: () => {
      requests.length = 0;
    },
    getVar: (app, name) => ownOf(get(app).vars, name),
    setVar: (app, name, value, user = 'someone.else@raxx.example') => {
      get(app).change({ [name]: value }, user, 'instant');
    },
    releases: (app) => get(app).releases,
    setReleaseBehaviour: (app, behaviour) => {
      get(app).behaviour = behaviour;
    },
    finishRelease: (app, end) => get(app).finish(end),
    forgetStatuses: (app) => get(app).forgetStatuses(),
    setDynos: (app, dynos) => {
      get(app).dynoSeeds = dynos;
    },
    seedRelease: ({ app, at, user, description, vars }) => get(app).seed({ at, user, description, changes: vars }),
    patchesThatChanged: (app, name) => changedBy.get(`${get(app).name} ${name}`) ?? 0,
    patches: (app, name) => patchedBy.get(`${get(app).name} ${name}`) ?? 0,
    onRequest: (observer) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    onRestart: (app, observer) => get(app).onRestart(observer),
    close: async () => {
      stopped.abort();
      for (const app of apps.values()) app.close();
      await server.close();
    },
  };
}

function makeApp(name: string, seed: AppSeed, surroundings: AppSurroundings): StandInApp {
  if (!/^[a-z][a-z0-9-]{1,28}[a-z0-9]$/.test(name)) throw new Error(`Heroku would take no app by the name ${name}.`);
  return new StandInApp(name, seed, surroundings);
}

function record({ method = 'GET', url = '/', headers }: IncomingMessage, at: Date): Recording {
  const [path = '/'] = url.split('?');
  return {
    method,
    path,
    headers: {
      accept: headers.accept ?? null,
      range: headers.range ?? null,
      contentType: headers['content-type'] ?? null,
    },
    body: null,
    at,
    status: null,
    answer: null,
    fault: null,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function ownOf(vars: Readonly<Record<string, string>>, name: string): string | null {
  return Object.hasOwn(vars, name) ? (vars[name] ?? null) : null;
}

function countUp(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
