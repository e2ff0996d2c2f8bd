import { createSealer, type Sealer, type SealerDependencies } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';

/** A sealer that tells nobody. */
export function quietSealer({ seals, log }: Pick<SealerDependencies, 'seals' | 'log'>): Sealer {
  return createSealer({
    seals,
    timers: realTimers(() => performance.now()),
    log,
    takesAnyKey: false,
    onShown: () => undefined,
    onSealed: () => undefined,
    onRefused: () => undefined,
  });
}
