import { setTimeout as sleep } from 'node:timers/promises';
import type { HerokuStandIn } from '../heroku/stand-in.js';
import type { AppProcess } from './app-process.js';
import type { RowReader } from './rows.js';

/** SIGKILLs the app: at once, or in the middle of a promotion, between Heroku's work and the row's next write. */
export class Killer {
  readonly #midway = new Set<string>();
  #count = 0;
  #disarm: (() => void) | null = null;

  constructor(
    private readonly app: AppProcess,
    private readonly heroku: HerokuStandIn,
    private readonly rows: RowReader,
    private readonly onChange: () => void,
  ) {}

  get count(): number {
    return this.#count;
  }

  get armed(): boolean {
    return this.#disarm !== null;
  }

  /** The promotions under way when the app was killed, by id. */
  get midway(): ReadonlySet<string> {
    return this.#midway;
  }

  async kill(): Promise<void> {
    if (!this.app.kill()) return;
    this.#count += 1;
    // Nobody works on them now: the rows still say what they said at that moment.
    for (const row of await this.rows.promotions()) {
      if (row.state === 'deploying' && row.checkpoint !== null) this.#midway.add(row.id);
    }
    this.onChange();
  }

  /** Kills the app once Heroku has applied its next change; the app doesn't learn that it did. */
  atNextChange(armed: boolean): void {
    this.#disarm?.();
    this.#disarm = null;
    if (armed) this.#arm();
    this.onChange();
  }

  /** Long enough for Slack to say that the promotion began; the app still waits for Heroku's answer. */
  async #killSoon(): Promise<void> {
    await sleep(1_500, undefined, { ref: false });
    await this.kill();
  }

  #arm(): void {
    const takeBack = this.heroku.faults.add({
      method: 'PATCH',
      times: 1,
      fault: { kind: 'hang', takesEffect: true },
    });
    const stopWatching = this.heroku.onRequest(({ method, fault }) => {
      if (method !== 'PATCH' || fault !== 'hang') return;
      this.atNextChange(false);
      void this.#killSoon();
    });
    this.#disarm = () => {
      takeBack();
      stopWatching();
    };
  }
}
