import type { Sender, SendOptions } from '../../src/heroku/client.js';
import type { LossReason, Outcome } from '../../src/heroku/one-send-request.js';
import { type Fate, fateOf, type Weather } from './network.js';
import { EPOCH_MS, type Process } from './process.js';
import type { Sabotage } from './sabotage.js';
import type { Scheduler } from './scheduler.js';

/** A release as Heroku keeps it, with every config var from then on. */
interface ModelRelease {
  readonly app: string;
  readonly id: string;
  readonly version: number;
  readonly createdMs: number;
  readonly vars: ReadonlyMap<string, string>;
  /** Our request that made it; null for somebody else's. */
  readonly request: Written | null;
  /** The variable it set. */
  readonly name: string;
  readonly value: string | null;
  /** Not what the release before it, perhaps still under way, sets already. */
  readonly isChange: boolean;
  status: 'pending' | 'succeeded' | 'failed' | 'expired';
  updatedMs: number;
}

/** One of our PATCHes, at the moment its bytes left the process. */
interface Written {
  readonly process: Process;
  readonly app: string;
  readonly name: string;
  readonly value: string | null;
}

export interface HerokuObserver {
  onWritten(written: Written): void;
  /** `again`: the request had arrived before. */
  onReleased(release: ModelRelease, again: boolean): void;
  /** A release's value came into force; `before`: the previous one. */
  onInForce(release: ModelRelease, before: string | null): void;
}

export interface HerokuOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  weather: Weather;
  /** How likely a release has a release phase, and how likely that fails. */
  readonly releasePhase: number;
  readonly phaseFails: number;
  /** Whether a PATCH that changes nothing makes a release: Heroku doesn't say. */
  readonly releasesUnchanged: boolean;
  readonly observer: HerokuObserver;
  readonly trace: (line: string) => void;
  readonly count: (what: string) => void;
  readonly sabotage?: Sabotage | undefined;
}

export interface HerokuModel {
  /** The sender under Heroku's adapter, in one process. */
  senderOf(process: Process): Sender;
  addApp(app: string): void;
  change(app: string, name: string, value: string | null): void;
  value(app: string, name: string): string | null;
  releases(app: string): readonly ModelRelease[];
}

/** Whether the dynos crash at a release, by its version. */
const crashes = (version: number): boolean => version % 3 === 0;

const FINAL_PHASE = ['failed', 'expired'] as const;

export function createHerokuModel(options: HerokuOptions): HerokuModel {
  const { scheduler, random, observer, trace, count } = options;
  const apps = new Map<string, ModelRelease[]>();
  let releaseCount = 0;

  function releasesOf(app: string): ModelRelease[] {
    const releases = apps.get(app);
    if (releases === undefined) throw new Error(`There is no app ${app}.`);
    return releases;
  }

  function current(app: string): ModelRelease | undefined {
    return releasesOf(app).findLast(({ status }) => status === 'succeeded');
  }

  function value(app: string, name: string): string | null {
    return current(app)?.vars.get(name) ?? null;
  }

  function release(app: string, name: string, to: string | null, request: Written | null, again: boolean): void {
    const releases = releasesOf(app);
    // What failed changed nothing.
    const basis = releases.findLast(({ status }) => status === 'succeeded' || status === 'pending');
    const unchanged = (basis?.vars.get(name) ?? null) === to;
    if (unchanged && !options.releasesUnchanged) return;
    const vars = new Map(basis?.vars);
    if (to === null) vars.delete(name);
    else vars.set(name, to);
    releaseCount += 1;
    const made: ModelRelease = {
      app,
      id: `00000000-0000-4000-8000-${releaseCount.toString(16).padStart(12, '0')}`,
      version: releases.length + 1,
      createdMs: scheduler.nowMs,
      updatedMs: scheduler.nowMs,
      vars,
      request,
      name,
      value: to,
      isChange: !unchanged,
      status: 'pending',
    };
    releases.push(made);
    if (request !== null) count('releases');
    trace(`Heroku: ${app} v${made.version} sets ${name}=${to}, by ${request?.process.name ?? 'others'}`);
    observer.onReleased(made, again);
    if (random() < options.releasePhase) scheduler.after(random() * 60_000, () => endPhase(made));
    else settle(made, 'succeeded');
  }

  function endPhase(made: ModelRelease): void {
    const fails = random() < options.phaseFails;
    settle(made, fails ? (FINAL_PHASE[Math.floor(random() * FINAL_PHASE.length)] ?? 'failed') : 'succeeded');
  }

  function settle(made: ModelRelease, status: ModelRelease['status']): void {
    const { app, name, version } = made;
    const before = value(app, name);
    made.status = status;
    made.updatedMs = scheduler.nowMs;
    trace(`Heroku: ${app} v${version} ${status}`);
    if (made === current(app)) observer.onInForce(made, before);
  }

  function bodyOf(app: string, made: ModelRelease) {
    return {
      id: made.id,
      version: made.version,
      status: made.status,
      current: made === current(app),
      created_at: heroku(made.createdMs),
      updated_at: heroku(made.updatedMs),
      user: { email: 'somebody@example.com' },
      description: `Set ${made.name} config var`,
    };
  }

  /** Answers by Heroku's state at this moment. */
  function serve(sending: SendOptions, written: Written | null, again: boolean): string {
    const [, , app = '', kind = '', id = '', vars = ''] = sending.path.split('/');
    if (sending.method === 'PATCH') {
      for (const [name, to] of Object.entries(sending.body ?? {})) release(app, name, to, written, again);
      return JSON.stringify(varsOf(releasesOf(app).at(-1)));
    }
    if (kind !== 'releases') return JSON.stringify(presentOf(app, kind));
    if (id === '') return JSON.stringify(newestOf(app, sending).map((made) => bodyOf(app, made)));
    const made = releasesOf(app).find((one) => one.id === id);
    if (made === undefined) throw new Error(`There is no release ${id}.`);
    return JSON.stringify(vars === '' ? bodyOf(app, made) : varsOf(made));
  }

  function presentOf(app: string, kind: string) {
    return kind === 'dynos' ? dynosOf(app) : varsOf(current(app));
  }

  /** Each third release crashes; what starts is up at once. */
  function dynosOf(app: string) {
    const version = current(app)?.version ?? 0;
    const state = crashes(version) ? 'crashed' : 'up';
    return ['web.1', 'web.2'].map((name) => ({ name, type: 'web', state, release: { version } }));
  }

  function varsOf(made: ModelRelease | undefined): Readonly<Record<string, string>> {
    return Object.fromEntries(made?.vars ?? []);
  }

  /** As many as the request's `Range` asks for. */
  function newestOf(app: string, { headers }: SendOptions): readonly ModelRelease[] {
    const [, max] = /max=(\d+)/u.exec(headers?.['Range'] ?? '') ?? [];
    return releasesOf(app).slice(-Number(max)).reverse();
  }

  function writtenBy(process: Process, { method, path, body }: SendOptions): Written | null {
    if (method !== 'PATCH') return null;
    const [name = '', value = null] = Object.entries(body ?? {})[0] ?? [];
    return { process, app: path.split('/')[2] ?? '', name, value };
  }

  function senderOf(process: Process): Sender {
    return {
      close: () => undefined,
      request: (sending) =>
        new Promise((resolve) => {
          send(process, sending, fateOf(random, options.weather), resolve);
        }),
    };
  }

  function send(process: Process, sending: SendOptions, fate: Fate, resolve: (outcome: Outcome) => void): void {
    const { deadlineMs, signal, mayStillSend = () => true } = sending;
    let sent = false;
    let settled = false;
    const settle = (outcome: Outcome): void => {
      if (settled) return;
      settled = true;
      if (sending.method === 'PATCH' && outcome.type === 'lost') count('lost PATCHes');
      cancelDeadline();
      signal?.removeEventListener('abort', stop);
      if (sending.method === 'PATCH') trace(`${process.name}: PATCH ${outcomeWords(outcome)}`);
      resolve(outcome);
    };
    const lose = (reason: LossReason, code: string) => settle({ type: 'lost', sent, reason, code });
    const answer = (status: number, text: string) => settle({ type: 'answered', status, headers: {}, text });
    const stop = () => lose('stopped', 'ABORTED');
    const cancelDeadline = process.inside(deadlineMs, () => lose('deadline', 'ETIMEDOUT'));
    if (signal?.aborted === true) {
      stop();
      return;
    }
    signal?.addEventListener('abort', stop, { once: true });
    if (fate.connectMs === null) {
      process.inside(random() * 1_000, () => lose('network', 'ECONNREFUSED'));
      return;
    }
    process.inside(fate.connectMs, () => {
      if (settled) return;
      if (!mayStillSend() && options.sabotage !== 'late PATCH') {
        lose('withheld', 'WITHHELD');
        return;
      }
      sent = true;
      const written = writtenBy(process, sending);
      if (written !== null) {
        count('PATCHes');
        trace(`${process.name}: writes PATCH ${written.name}=${written.value} to ${written.app}`);
        observer.onWritten(written);
      }
      fly(written);
    });

    function fly(written: Written | null): void {
      const { answerMs, refusal } = fate;
      if (fate.breaksMs !== null) process.inside(fate.breaksMs, () => lose('network', 'ECONNRESET'));
      if (refusal === 'failing' && answerMs !== null) process.inside(answerMs, () => answer(503, '{}'));
      fate.arrivesMs.forEach((arrivesMs, nth) => {
        scheduler.after(arrivesMs, () => {
          const text = refusal === 'limited' ? '{"id":"rate_limit"}' : serve(sending, written, nth > 0);
          if (answerMs === null || refusal === 'failing' || nth > 0) return;
          process.inside(answerMs, () => answer(refusal === 'limited' ? 429 : 200, text));
        });
      });
    }
  }

  return {
    senderOf,
    addApp(app) {
      apps.set(app, []);
      release(app, 'NODE_ENV', 'production', null, false);
    },
    change(app, name, to) {
      release(app, name, to, null, false);
    },
    value,
    releases: releasesOf,
  };
}

/** Heroku cuts times to whole seconds. */
function heroku(ms: number): string {
  return new Date(Math.floor((EPOCH_MS + ms) / 1000) * 1000).toISOString();
}

function outcomeWords(outcome: Outcome): string {
  if (outcome.type === 'answered') return `answered ${outcome.status}`;
  return `lost (${outcome.reason}), ${outcome.sent ? 'after' : 'before'} sending`;
}
