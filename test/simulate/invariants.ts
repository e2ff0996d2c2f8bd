import type { HerokuModel, HerokuObserver } from './heroku-model.js';
import { textOf } from './kinds.js';
import { LEASE_MS } from '../../src/outbox/outbox.js';
import { messageKey } from '../../src/promotions/messages.js';
import type { MessageRow, MessagesModel } from './messages-model.js';
import type { PagerModel } from './pager-model.js';
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

/** Told of everything that happens; records violations. */
export interface Invariants extends HerokuObserver, SlackObserver {
  readonly violations: readonly Violation[];
  violate(invariant: Invariant, what: string): void;
  onRow(before: PromotionRow | null, after: PromotionRow, actions: readonly string[]): void;
  /** What is still missing, on Heroku, in the rows and in Slack. */
  owed(heroku: HerokuModel, slack: SlackModel, pager: PagerModel): readonly string[];
  /** An event left a process for the pager. */
  onPage(process: Process, key: string): void;
  /** The pager rang a second time for an ended incident. */
  onReopened(key: string): void;
}

/** What the checks look at, besides what they are told. */
export interface Watched {
  readonly scheduler: Scheduler;
  readonly promotion: (id: string) => PromotionRow | null;
  readonly events: () => readonly ModelEvent[];
  readonly messages: MessagesModel;
}

const TERMINAL: readonly string[] = ['deployed', 'failed', 'cancelled'];

export function createInvariants({ scheduler, promotion, events, messages }: Watched): Invariants {
  const violations: Violation[] = [];
  /** By promotion: what our requests released. */
  const released = new Map<string, number[]>();
  /** By promotion: when a promoter last claimed it. Whatever it decides, it has asked Heroku since. */
  const claimedMs = new Map<string, number>();
  /** By app and config var: when somebody else last changed its value. */
  const changedByOthersMs = new Map<string, number>();
  /** By promotion: when each of our requests was written. */
  const writtenMs = new Map<string, number[]>();
  const seen = new Map<string, PromotionRow>();
  const endedMs = new Map<string, number>();

  function violate(invariant: Invariant, what: string): void {
    violations.push({ invariant, what });
  }

  function noteEnd(id: string, was: string | null, state: string): void {
    if (TERMINAL.includes(state) && was !== state) endedMs.set(id, scheduler.nowMs);
  }

  function holds(process: Process, row: Pick<PromotionRow | MessageRow, 'leaseOwner' | 'leaseUntilMs'>): boolean {
    return row.leaseOwner?.startsWith(`${process.name}/`) === true && (row.leaseUntilMs ?? 0) > scheduler.nowMs;
  }

  /** What a promotion itself still lacks. If its value was replaced, a person decides. */
  function owedOf({ promotion: row }: PromotionRow, heroku: HerokuModel): readonly string[] {
    if (TERMINAL.includes(row.state)) return [];
    const { id, herokuApp, configVar, targetValue, checkpoint, lastError } = row;
    const isForAPerson =
      heroku.value(herokuApp, configVar) !== targetValue && lastError?.includes('is not, or no longer,') === true;
    return isForAPerson ? [] : [`promotion ${id} is ${row.state} ${checkpoint}, ${lastError}`];
  }

  /** What a message still lacks: posted once, with the current state. */
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

  /** What a page still lacks: it rang once, and stopped once its promotion had ended. */
  function owedOfPage(row: MessageRow, pager: PagerModel): readonly string[] {
    const key = messageKey(row);
    if (row.state === 'pending') return [`${key} is not delivered`];
    if (row.state === 'posted' && row.wanted > row.shown) return [`${key} is not up to date`];
    const { opened = 0, resolved = 0 } = pager.incidents.get(key) ?? {};
    const isOver = TERMINAL.includes(promotion(row.promotionId ?? '')?.promotion.state ?? '');
    return opened > resolved && isOver ? [`${key} rings still`] : [];
  }

  function onSent(process: Process, key: string, change: string): void {
    const row = [...messages.rows.values()].find((message) => messageKey(message) === key);
    if (row === undefined) violate(3, `${process.name} sent ${key}, of which there is no row`);
    else if (!holds(process, row)) violate(3, `${process.name} sent the ${change} of ${key} without holding its lease`);
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
      noteEnd(id, was, state);
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

    onInForce({ request, app, name, value, isChange, createdMs }, before) {
      // Who sets what a release under way sets already changes nothing, and nobody could see it.
      if (request === null && isChange && before !== value) changedByOthersMs.set(`${app} ${name}`, createdMs);
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
      onSent(process, key, change);
      const row = [...messages.rows.values()].find((message) => messageKey(message) === key);
      // If it ended after the message was claimed, the update says so.
      const ended = endedMs.get(row?.promotionId ?? '');
      const isNews = ended === undefined || ended > scheduler.nowMs - LEASE_MS;
      if (row?.kind === 'alert' && change === 'post' && !isNews)
        violate(4, `${process.name} posted ${key} about a promotion that had ended`);
    },
    onPage: (process, key) => onSent(process, key, 'page'),
    onReopened: (key) => violate(4, `${key} rang again after it had ended`),

    owed: (heroku, slack, pager) => [
      ...[...seen.values()].flatMap((row) => owedOf(row, heroku)),
      ...[...messages.rows.values()].flatMap((row) =>
        row.kind === 'page' ? owedOfPage(row, pager) : owedOfMessage(row, slack),
      ),
    ],
  };
}
