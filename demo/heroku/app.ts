import { uuidOf } from './ids.js';

export type Vars = Readonly<Record<string, string>>;
export type Changes = Readonly<Record<string, string | null>>;
export type ReleaseEnd = 'succeeded' | 'failed' | 'expired';

/**
 * How the next releases run. `instant`: no release phase. `pending`: a release command that runs until `finishRelease`.
 * `{ pendingMs }`: one that ends by itself. `fail`: one that has failed when the PATCH is answered.
 */
export type ReleaseBehaviour =
  | 'instant'
  | 'pending'
  | 'fail'
  | { readonly pendingMs: number; readonly end?: ReleaseEnd };

export interface StandInRelease {
  readonly id: string;
  readonly version: number;
  /** null: Heroku has none for some old releases. */
  readonly status: 'pending' | ReleaseEnd | null;
  readonly current: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly user: string;
  readonly description: string;
  readonly vars: Vars;
  readonly hasReleasePhase: boolean;
}

/** A dyno, as a test or a person sets it. */
export interface DynoSeed {
  readonly name: string;
  /** Default: the name up to its dot. */
  readonly type?: string;
  /** Default: `up`. */
  readonly state?: string;
  /** Default: the version of the app's current release at that time. */
  readonly release?: number;
}

export interface StandInDyno {
  readonly name: string;
  readonly type: string;
  readonly state: string;
  readonly release: StandInRelease;
}

const USUAL_DYNOS: readonly DynoSeed[] = [{ name: 'web.1' }, { name: 'web.2' }];

export interface AppSeed {
  readonly vars: Readonly<Record<string, string>>;
  /** E-mail addresses that may use the app, besides its owner. Default: the API key's account. */
  readonly collaborators?: readonly string[];
  /** Default: a year before the clock. */
  readonly createdAt?: Date;
}

export interface AppSurroundings {
  readonly now: () => Date;
  readonly account: string;
}

export interface Change {
  readonly vars: Vars;
  readonly changed: readonly string[];
}

interface NewRelease {
  readonly at: Date;
  readonly user: string;
  readonly description: string;
  readonly changes: Changes;
  readonly behaviour: ReleaseBehaviour;
}

const YEAR_MS = 365 * 24 * 3_600_000;

/**
 * One app with its releases. A release holds the config vars that it has, or would have, in force; the app's are those
 * of its current release, so a release phase keeps the old ones until it succeeds.
 */
export class StandInApp {
  readonly id: string;
  readonly createdAt: Date;
  readonly collaborators: readonly string[];
  behaviour: ReleaseBehaviour = 'instant';
  dynoSeeds: readonly DynoSeed[] = USUAL_DYNOS;
  readonly #now: () => Date;
  readonly #releases: StandInRelease[] = [];
  readonly #observers = new Set<(release: StandInRelease) => void>();
  readonly #cancellations = new Set<() => void>();

  constructor(
    readonly name: string,
    seed: AppSeed,
    surroundings: AppSurroundings,
  ) {
    this.id = uuidOf(`app ${name}`);
    this.#now = surroundings.now;
    this.collaborators = seed.collaborators ?? [surroundings.account];
    this.createdAt = seed.createdAt ?? new Date(surroundings.now().getTime() - YEAR_MS);
    this.#releases.push({
      id: uuidOf(`release ${name} 1`),
      version: 1,
      status: 'succeeded',
      current: true,
      createdAt: this.createdAt,
      updatedAt: this.createdAt,
      user: surroundings.account,
      description: 'Initial release',
      vars: { ...seed.vars },
      hasReleasePhase: false,
    });
  }

  /** Oldest first. */
  get releases(): readonly StandInRelease[] {
    return this.#releases;
  }

  get current(): StandInRelease {
    const current = this.#releases.findLast((release) => release.current);
    if (current === undefined) throw new Error(`${this.name} has no current release.`);
    return current;
  }

  /** Default: two web dynos at the current release. */
  get dynos(): readonly StandInDyno[] {
    return this.dynoSeeds.map(({ name, type = name.replace(/\..*$/u, ''), state = 'up', release }) => ({
      name,
      type,
      state,
      release: release === undefined ? this.current : this.#get(release),
    }));
  }

  get vars(): Vars {
    return this.current.vars;
  }

  /** The next change builds on these: a release still running counts as done. */
  get #newestVars(): Vars {
    return this.#releases.findLast((release) => release.status === 'pending' || release.current)?.vars ?? {};
  }

  preview(changes: Changes): Vars {
    return applied(this.#newestVars, changes);
  }

  /** Makes a release; returns its vars and the names that differ. Without a difference it makes none. */
  change(changes: Changes, user: string, behaviour: ReleaseBehaviour = this.behaviour): Change {
    const before = this.#newestVars;
    const effective = Object.fromEntries(
      Object.entries(changes).filter(([name, value]) => (Object.hasOwn(before, name) ? before[name] : null) !== value),
    );
    if (Object.keys(effective).length === 0) return { vars: before, changed: [] };
    const release = this.#add({
      at: this.#now(),
      user,
      description: describe(effective),
      changes: effective,
      behaviour,
    });
    return { vars: release.vars, changed: Object.keys(effective) };
  }

  /** A release in the past, without a restart. Throws if a later one exists already. */
  seed(release: Omit<NewRelease, 'behaviour'>): StandInRelease {
    const last = this.#releases.at(-1);
    if (last !== undefined && release.at < last.createdAt) {
      throw new Error(
        `${this.name} has a release of ${last.createdAt.toISOString()} already; seed the older ones first.`,
      );
    }
    const added = this.#append({ ...release, behaviour: 'instant' });
    this.#makeCurrent(added.version, release.at);
    return this.#get(added.version);
  }

  /** Ends the oldest release still running. Throws if there is none. */
  finish(end: ReleaseEnd): StandInRelease {
    const running = this.#releases.find((release) => release.status === 'pending');
    if (running === undefined) throw new Error(`${this.name} has no pending release.`);
    this.#end(running.version, end);
    return this.#get(running.version);
  }

  /** Takes the status from every release that has ended, as some old ones have none. */
  forgetStatuses(): void {
    for (const { version, status } of this.#releases) {
      if (status !== 'pending') this.#replace(version, { status: null });
    }
  }

  /** Calls back when the app's dynos restart, soon after the release that caused it. Returns how to stop that. */
  onRestart(observer: (release: StandInRelease) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  close(): void {
    for (const cancel of this.#cancellations) cancel();
    this.#observers.clear();
  }

  #add(release: NewRelease): StandInRelease {
    const { version } = this.#append(release);
    const { behaviour } = release;
    if (behaviour === 'instant') this.#end(version, 'succeeded');
    else if (behaviour === 'fail') this.#end(version, 'failed');
    else if (behaviour !== 'pending')
      this.#later(behaviour.pendingMs, () => this.#end(version, behaviour.end ?? 'succeeded'));
    return this.#get(version);
  }

  #append({ at, user, description, changes, behaviour }: NewRelease): StandInRelease {
    const version = this.#releases.length + 1;
    const release: StandInRelease = {
      id: uuidOf(`release ${this.name} ${version}`),
      version,
      status: 'pending',
      current: false,
      createdAt: at,
      updatedAt: at,
      user,
      description,
      vars: applied(this.#newestVars, changes),
      hasReleasePhase: behaviour !== 'instant',
    };
    this.#releases.push(release);
    return release;
  }

  #end(version: number, end: ReleaseEnd): void {
    if (this.#get(version).status !== 'pending') return;
    if (end !== 'succeeded') {
      this.#replace(version, { status: end, updatedAt: this.#now() });
      return;
    }
    this.#makeCurrent(version, this.#now());
    // Heroku answers first, then restarts the dynos.
    this.#soon(() => {
      for (const observer of this.#observers) observer(this.#get(version));
    });
  }

  #makeCurrent(version: number, at: Date): void {
    const previous = this.current;
    const newer = version > previous.version;
    if (newer) this.#replace(previous.version, { current: false });
    this.#replace(version, { status: 'succeeded', current: newer, updatedAt: at });
  }

  #get(version: number): StandInRelease {
    const release = this.#releases[version - 1];
    if (release === undefined) throw new Error(`${this.name} has no release v${version}.`);
    return release;
  }

  #replace(version: number, changes: Partial<StandInRelease>): void {
    this.#releases[version - 1] = { ...this.#get(version), ...changes };
  }

  #later(milliseconds: number, act: () => void): void {
    const cancel = () => clearTimeout(timer);
    const timer = setTimeout(() => {
      this.#cancellations.delete(cancel);
      act();
    }, milliseconds);
    this.#cancellations.add(cancel);
  }

  #soon(act: () => void): void {
    const cancel = () => clearImmediate(timer);
    const timer = setImmediate(() => {
      this.#cancellations.delete(cancel);
      act();
    });
    this.#cancellations.add(cancel);
  }
}

function applied(vars: Vars, changes: Changes): Vars {
  const kept = Object.entries(vars).filter(([name]) => !Object.hasOwn(changes, name));
  const set = Object.entries(changes).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries([...kept, ...set]);
}

function describe(changes: Changes): string {
  const set = Object.keys(changes).filter((name) => changes[name] !== null);
  const removed = Object.keys(changes).filter((name) => changes[name] === null);
  const parts = [set.length > 0 && `Set ${set.join(', ')}`, removed.length > 0 && `Remove ${removed.join(', ')}`];
  return `${parts.filter(Boolean).join(', ')} config vars`;
}
