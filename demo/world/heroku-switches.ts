import type { Fault, HerokuStandIn, ReleaseBehaviour } from '../heroku/stand-in.js';
import { HEROKU_APP } from './incident.js';

/** What can be made to go wrong at Heroku. */
export const HEROKU_SWITCHES = ['slow', 'error_500', 'reset', 'release_fails'] as const;
export type HerokuSwitch = (typeof HEROKU_SWITCHES)[number];

/** Long enough to see a release run, and to interfere. */
const RELEASE_MS = 6_000;
const RUNS: ReleaseBehaviour = { pendingMs: RELEASE_MS };
const FAILS: ReleaseBehaviour = { pendingMs: RELEASE_MS, end: 'failed' };

const FAULTS: Readonly<Record<Exclude<HerokuSwitch, 'release_fails'>, Fault>> = {
  slow: { kind: 'delay', ms: 4_000 },
  error_500: { kind: 'status', status: 500 },
  // The worse of the two: the change was made, and nobody learns of it.
  reset: { kind: 'reset_after' },
};

export class HerokuSwitches {
  readonly #on = new Map<HerokuSwitch, () => void>();

  constructor(private readonly heroku: HerokuStandIn) {
    heroku.setReleaseBehaviour(HEROKU_APP, RUNS);
  }

  isOn(name: HerokuSwitch): boolean {
    return this.#on.has(name);
  }

  set(name: HerokuSwitch, on: boolean): void {
    this.#on.get(name)?.();
    this.#on.delete(name);
    if (on) this.#on.set(name, this.#start(name));
  }

  #start(name: HerokuSwitch): () => void {
    if (name !== 'release_fails') return this.heroku.faults.add({ fault: FAULTS[name] });
    this.heroku.setReleaseBehaviour(HEROKU_APP, FAILS);
    return () => this.heroku.setReleaseBehaviour(HEROKU_APP, RUNS);
  }
}
