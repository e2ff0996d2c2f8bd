import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

export interface TriggerOwner {
  readonly userId: string;
  /** The modal it came from, onto which another may be pushed. */
  readonly viewId: string | null;
}

/** A trigger opens one view, within three seconds (https://docs.slack.dev/interactivity/handling-user-interaction). */
export const TRIGGER_LIFE_MS = 3_000;

export type TriggerFault = 'invalid_trigger_id' | 'exchanged_trigger_id' | 'expired_trigger_id';

export class Triggers {
  readonly #issued = new Map<string, TriggerOwner & { readonly bornAt: number; spent: boolean }>();

  constructor(private readonly lifeMs = TRIGGER_LIFE_MS) {}

  issue(owner: TriggerOwner): string {
    const id = `${Date.now()}.${randomBytes(4).readUInt32BE()}.${randomBytes(16).toString('hex')}`;
    this.#issued.set(id, { ...owner, bornAt: performance.now(), spent: false });
    return id;
  }

  exchange(id: string): TriggerOwner | { readonly error: TriggerFault } {
    const trigger = this.#issued.get(id);
    if (trigger === undefined) return { error: 'invalid_trigger_id' };
    if (trigger.spent) return { error: 'exchanged_trigger_id' };
    if (performance.now() - trigger.bornAt > this.lifeMs) return { error: 'expired_trigger_id' };
    trigger.spent = true;
    return trigger;
  }
}
