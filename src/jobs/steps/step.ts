import type { MaintenanceAction } from '../actions.js';

/** One task of a tick: read, decide, act. A dry run skips the last. */
export interface StepSpec<Facts, Action extends MaintenanceAction> {
  /** Changes nothing. */
  gather(at: Date): Promise<Facts>;
  /** Pure. */
  decide(facts: Facts, at: Date): readonly Action[];
  /** Does one action; if it fails, the others are still done. */
  act(action: Action, at: Date): Promise<unknown>;
  /** Whether the rest is due at the next tick as well, so that a slow tick may end without it. */
  readonly canWait?: boolean;
}

export interface PlannedAction {
  readonly action: MaintenanceAction;
  act(): Promise<unknown>;
}

/** A step as the tick sees it. `at`: the tick's time, by the database's clock. */
export interface Step {
  readonly canWait: boolean;
  plan(at: Date): Promise<readonly PlannedAction[]>;
}

export function defineStep<Facts, Action extends MaintenanceAction>(spec: StepSpec<Facts, Action>): Step {
  return {
    canWait: spec.canWait ?? false,
    async plan(at) {
      const actions = spec.decide(await spec.gather(at), at);
      return actions.map((action) => ({ action, act: () => spec.act(action, at) }));
    },
  };
}
