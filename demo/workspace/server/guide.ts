import type { Row } from '../../world/rows.js';
import { FLAG } from '../../world/incident.js';
import type { GuideStep } from '../protocol/snapshot.js';

export interface GuideFacts {
  readonly alertSeen: boolean;
  /** Whether somebody has the form open that resolves a promotion. */
  readonly resolving: boolean;
  readonly rows: readonly Row[];
  /** The promotions under way when the app was killed. */
  readonly killedMidway: ReadonlySet<string>;
}

/** The first visit's five steps. Each follows from what happened, and stays done. */
export class Guide {
  readonly #done = new Set<GuideStep>();

  steps(facts: GuideFacts): Record<GuideStep, boolean> {
    const incident = facts.rows.find(({ flagKey }) => flagKey === FLAG);
    const ended = incident !== undefined && incident.state !== 'deploying';
    this.#note('alert', facts.alertSeen);
    this.#note('evidence', facts.resolving || ended);
    this.#note('completed', ended);
    this.#note('rca', (incident?.rcaUrl ?? null) !== null);
    this.#note(
      'kill',
      facts.rows.some(({ id, state }) => facts.killedMidway.has(id) && state === 'deployed'),
    );
    return {
      alert: this.#done.has('alert'),
      evidence: this.#done.has('evidence'),
      completed: this.#done.has('completed'),
      rca: this.#done.has('rca'),
      kill: this.#done.has('kill'),
    };
  }

  #note(step: GuideStep, done: boolean): void {
    if (done) this.#done.add(step);
  }
}
