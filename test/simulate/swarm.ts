import type { DatabaseWeather } from './database-model.js';
import type { Weather } from './network.js';

/** What one run's world is like. Chances in [0, 1], times in milliseconds. */
export interface World {
  readonly replicas: number;
  readonly heroku: Weather;
  readonly slack: Weather;
  readonly database: DatabaseWeather;
  readonly releasePhase: number;
  readonly phaseFails: number;
  /** Whether a PATCH that changes nothing makes a release: Heroku doesn't say. */
  readonly releasesUnchanged: boolean;
  readonly wrongClocks: number;
  /** What happens to a process now and then. */
  readonly kills: number;
  readonly pauses: number;
  readonly stops: number;
  /** The longest time between two acts of the same kind; 0: nobody acts so. */
  readonly promoteWithinMs: number;
  readonly meddleWithinMs: number;
  readonly resolveWithinMs: number;
  readonly deleteWithinMs: number;
  readonly closeChannelWithinMs: number;
}

/**
 * A random world. In any one run half of the troubles are off: rare ones meet more often without the others (Groce et
 * al., Swarm Testing, ISSTA 2012).
 */
export function worldAtRandom(random: () => number): World {
  const swarm = swarmOf(random);
  const weather = (doubled: number) => weatherAtRandom(swarm, doubled);
  return {
    replicas: 1 + Math.floor(random() * 3),
    heroku: weather(0.1),
    // A post that the network doubles is two messages, and no client can prevent that.
    slack: weather(0),
    database: { slow: swarm(0.05), broken: swarm(0.05), lostAnswer: swarm(0.05) },
    releasePhase: swarm(1),
    phaseFails: swarm(0.5),
    releasesUnchanged: random() < 0.5,
    wrongClocks: swarm(1),
    kills: swarm(1),
    pauses: swarm(1),
    stops: swarm(1),
    promoteWithinMs: 90_000,
    meddleWithinMs: swarm(120_000),
    resolveWithinMs: swarm(240_000),
    deleteWithinMs: swarm(240_000),
    closeChannelWithinMs: swarm(240_000),
  };
}

/** What came later: in a fifth of the worlds, so that the others stay what they were. */
export interface LaterTroubles {
  /** The longest time between two changes of the database's clock; 0: it goes right. */
  readonly setClockWithinMs: number;
  /** The same of forms, and of changes by another writer of the table. */
  readonly formWithinMs: number;
  readonly rewriteWithinMs: number;
}

export function laterTroubles(seed: number, random: () => number): LaterTroubles {
  if (seed % 5 !== 1) return { setClockWithinMs: 0, formWithinMs: 0, rewriteWithinMs: 0 };
  const swarm = swarmOf(random);
  return { setClockWithinMs: swarm(60_000), formWithinMs: swarm(60_000), rewriteWithinMs: swarm(120_000) };
}

/** Events of a kind come at random intervals, of up to at least this. With shorter ones, a world would do little else. */
export const LEAST_WITHIN_MS = 2_000;
/** A trigger that the network doubles, and delivers after its end, rings again, and no client can prevent that. */
export function pagerWeather(random: () => number): Weather {
  return weatherAtRandom(swarmOf(random), 0);
}

type Swarm = (most: number) => number;
const swarmOf =
  (random: () => number): Swarm =>
  (most) =>
    random() < 0.5 ? 0 : random() * most;

const weatherAtRandom = (swarm: Swarm, doubled: number): Weather => ({
  slow: swarm(0.3),
  unreachable: swarm(0.2),
  lostOnItsWay: swarm(0.2),
  lostAnswer: swarm(0.2),
  late: swarm(0.2),
  doubled: swarm(doubled),
  limited: swarm(0.1),
  failing: swarm(0.2),
});
