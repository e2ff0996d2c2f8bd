import type { HerokuModel, HerokuObserver } from './heroku-model.js';
import { textOf } from './kinds.js';
import { messageKey } from '../../src/promotions/messages.js';
import type { MessageRow, MessagesModel } from './messages-model.js';
import { promotionOfTarget } from './people.js';
import type { Process } from './process.js';
import { ANNOUNCED, type ModelEvent, type PromotionRow } from './promotions-model.js';
import type { Scheduler } from './scheduler.js';
import type { SlackModel, SlackObserver } from './slack-model.js';

/** What must always hold, by its number in SECURITY.md. */
export type Invariant = 1 | 2 | 3 | 4 | 5 | 6 | 7;

export interface Violation {
  readonly invariant: Invariant;
  readonly what: string;
}

/** Told of everything that happens; keeps what must not have happened. */
export interface Invariants extends HerokuObserver, SlackObserver {
  readonly violations: readonly Violation[];
  violate(invariant: Invariant, what: string): void;
  onRow(before: PromotionRow | null, after: PromotionRow, actions: readonly string[]): void;
  /** What is still to be done, in Heroku, in the rows and in Slack. */
  owed(heroku: HerokuModel, slack: SlackModel): readonly string[];
}

/** What the checks look at, beside what they are told. */
export interface Watched {
  readonly scheduler: Scheduler;
  readonly promotion: (id: string) => PromotionRow | null;
  readonly events: () => readonly ModelEvent[];
  readonly messages: MessagesModel;
}

const TERMINAL: readonly string[] = ['deployed', 'failed', 'cancelled'];

export function createInvariants({ scheduler, promotion, events, messages }: Watched): Invariants {
  const violations: Violation[] = [];
  /** By promotion, what requests of ours released. */
  const released = new Map<string, number[]>();
  /** By promotion, when a promoter last took it up: whatever it decides, it has looked at Heroku since. */
  const claimedMs = new Map<string, number>();
  /** By app and config var, when somebody else last changed its value. */
  const changedByOthersMs = new Map<string, number>();
  /** By promotion, when each request of ours was written. */
  const writtenMs = new Map<string, number[]>();
  const seen = new Map<string, PromotionRow>();

  function violate(invariant: Invariant, what: string): void {
    violations.push({ invariant, what });
  }

  function holds(process: Process, row: Pick<PromotionRow | MessageRow, 'leaseOwner' | 'leaseUntilMs'>): boolean {
    return row.leaseOwner?.startsWith(`${process.name}/`) === true && (row.leaseUntilMs ?? 0) > scheduler.nowMs;
  }

  /** What is owed about a promotion itself. What is not its value any more is for a person to decide. */
  function owedOf({ promotion: row }: PromotionRow, heroku: HerokuModel): readonly string[] {
    if (TERMINAL.includes(row.state)) return [];
    const { id, herokuApp, configVar, targetValue, checkpoint, lastError } = row;
    const isForAPerson =
      heroku.value(herokuApp, configVar) !== targetValue && lastError?.includes('is not, or no longer,') === true;
    return isForAPerson ? [] : [`promotion ${id} is ${row.state} ${checkpoint}, ${lastError}`];
  }

  /** What is owed of one message: it stands once, and says how things are. */
  function owedOfMessage(row: MessageRow, slack: SlackModel): readonly string[] {
    const key = messageKey(row);
    const standing = slack.messages.filter((message) => message.key === key && !message.isDeleted);
    if (row.state === 'pending') return [`${key} is not posted`];
    if (row.state === 'posted' && row.wanted > row.shown) return [`${key} is not up to date`];
    if (standing.length > 1) return [`${key} stands ${standing.length} times`];
    const [message] = standing;
    if (message === undefined) return [];
    const state = promotion(row.promotionId ?? '')?.promotion.state ?? '';
    const text = textOf(row.kind, row.promotionId ?? '', state);
    return message.text === text ? [] : [`${key} says "${message.text}" instead of "${text}"`];
  }

  return {
    violations,
    violate,

    onRow(before, after, actions) {
      const { id, state } = after.promotion;
      seen.set(id, after);
      if (after.leaseOwner !== null && after.leaseOwner !== before?.leaseOwner) claimedMs.set(id, scheduler.nowMs);
      const was = before?.promotion.state ?? null;
      if (was !== null && TERMINAL.includes(was) && was !== state) violate(1, `${id} went from ${was} to ${state}`);
      const transitions = actions.filter((action) => TERMINAL.includes(action) || action === 'promoted');
      const expected = was === state ? [] : [state === 'deploying' ? 'promoted' : state];
      if (transitions.join() !== expected.join())
        violate(5, `${id} went from ${was} to ${state} with the events [${actions.join(', ')}]`);
    },

    onWritten({ process, app, name, value }) {
      const id = promotionOfTarget(value) ?? '';
      const row = promotion(id);
      if (row === null) {
        violate(2, `${process.name} set ${name}=${value}, which nobody promoted`);
        return;
      }
      if (!holds(process, row)) violate(3, `${process.name} sent a PATCH for ${id} without holding its lease`);
      const written = writtenMs.get(id) ?? [];
      writtenMs.set(id, [...written, scheduler.nowMs]);
      const announced = events().filter(({ promotionId, action }) => promotionId === id && action === ANNOUNCED).length;
      if (announced <= written.length)
        violate(5, `${process.name} sent PATCH number ${written.length + 1} for ${id} with ${announced} announced`);
      const changed = changedByOthersMs.get(`${app} ${name}`) ?? 0;
      const [first] = written;
      if (first !== undefined && changed > first && changed < (claimedMs.get(id) ?? 0))
        violate(2, `${process.name} sent a PATCH for ${id} over what others had set since the one before`);
    },

    onInForce({ request, app, name, value, createdMs }, before) {
      if (request === null && before !== value) changedByOthersMs.set(`${app} ${name}`, createdMs);
    },

    onReleased({ request, value, version }, again) {
      if (request === null) return;
      // The network doubled it: that is one request of ours.
      if (again) return;
      const id = promotionOfTarget(value) ?? '';
      const earlier = released.get(id) ?? [];
      released.set(id, [...earlier, version]);
      if (earlier.length > 0) violate(2, `${id} made another release, v${version}, after v${earlier[0]}`);
    },

    onSent(process, key, change) {
      const row = [...messages.rows.values()].find((message) => messageKey(message) === key);
      if (row === undefined) violate(3, `${process.name} sent ${key}, of which there is no row`);
      else if (!holds(process, row))
        violate(3, `${process.name} sent the ${change} of ${key} without holding its lease`);
    },

    owed: (heroku, slack) => [
      ...[...seen.values()].flatMap((row) => owedOf(row, heroku)),
      ...[...messages.rows.values()].flatMap((row) => owedOfMessage(row, slack)),
    ],
  };
}
