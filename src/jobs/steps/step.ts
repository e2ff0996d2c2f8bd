import type { MaintenanceAction } from '../actions.js';

/** One thing that a tick looks after: read, decide, act. A dry run does all but the last. */
export interface StepSpec<Facts, Action extends MaintenanceAction> {
  /** Changes nothing. */
  gather(at: Date): Promise<Facts>;
  /** Pure. */
  decide(facts: Facts, at: Date): readonly Action[];
  /** Does one of them, on its own: where it fails, the others are done all the same. */
  act(action: Action, at: Date): Promise<unknown>;
  /** Whether what is left is due at the next tick as well: then a slow tick ends without it. */
  readonly canWait?: boolean;
}

/** An action that was decided, and how it is done. */
export interface PlannedAction {
  readonly action: MaintenanceAction;
  act(): Promise<unknown>;
}

/** A step as the tick sees it. `at`: the tick's present, by the database's clock. */
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
