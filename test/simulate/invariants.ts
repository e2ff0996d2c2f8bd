import type { HerokuModel, HerokuObserver } from './heroku-model.js';
import { textOf } from './kinds.js';
import { LEASE_MS } from '../../src/outbox/outbox.js';
import { messageKey } from '../../src/promotions/messages.js';
import { SEND_AGAIN_AFTER_MS } from '../../src/promotions/promoting.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { type Authorisation, createAuthorisation } from './authorisation.js';
import type { ClockWatch } from './clock-watch.js';
import type { DatabaseModel } from './database-model.js';
import type { MessageRow, MessagesModel } from './messages-model.js';
import type { PagerModel } from './pager-model.js';
import { promotionOfTarget } from './people.js';
import type { Process } from './process.js';
import { ANNOUNCED, isOurs, type PromotionRow, UNCHANGED } from './promotions-model.js';
import { OVERDUE_AFTER_MS } from './replica.js';
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
  /** `before` null: it was queued. */
  onMessage(before: MessageRow | null, after: MessageRow): void;
  readonly authorisation: Pick<Authorisation, 'onSubmitted' | 'onAuthorised'>;
  /** What is still missing, on Heroku, in the rows and in Slack. */
  owed(): readonly string[];
  /** An event left a process for the pager. */
  onPage(process: Process, key: string): void;
  /** A process told the outside monitor that all is well. */
  onHeartbeat(process: Process): void;
  /** The pager rang a second time for an ended incident. */
  onReopened(key: string): void;
}

/** What the checks look at, besides what they are told. */
export interface Watched {
  readonly scheduler: Scheduler;
  readonly db: Pick<DatabaseModel, 'nowMs'>;
  readonly clock: ClockWatch;
  readonly count: (what: string) => void;
  readonly promotion: (id: string) => PromotionRow | null;
  readonly messages: MessagesModel;
  readonly slack: () => SlackModel;
  readonly pager: () => PagerModel;
  readonly heroku: () => HerokuModel;
}

const keyOf = (id: string): string => `promotion ${id}`;
const keyOfMessage = ({ id }: Pick<MessageRow, 'id'>): string => `message ${id}`;
const TERMINAL: readonly string[] = ['deployed', 'failed', 'cancelled'];

export function createInvariants(watched: Watched): Invariants {
  const { scheduler, db, clock, promotion, messages } = watched;
  const violations: Violation[] = [];
  /** By promotion: what our requests released. */
  const released = new Map<string, number[]>();
  /** By promotion: when a promoter last claimed it. Whatever it decides, it has asked Heroku since. */
  const claimedMs = new Map<string, number>();
  /** By promotion: the claim under which its first PATCH was announced. What that was based on was read later. */
  const firstClaimedMs = new Map<string, number>();
  /** By app and config var: when somebody else last changed its value. */
  const changedByOthersMs = new Map<string, number>();
  /** By promotion: when each of our requests was written. */
  const writtenMs = new Map<string, number[]>();
  const seen = new Map<string, PromotionRow>();
  const endedMs = new Map<string, number>();
  /** By promotion: how many PATCHes were announced. */
  const announcements = new Map<string, number>();
  /** By promotion: when its PATCH with an unknown outcome was announced, by the database's clock as well. */
  const announced = new Map<string, { readonly atMs: number; readonly storedMs: number }>();
  /** When each was promoted, or last queued. */
  const promotedMs = new Map<string, number>();
  const queuedAtMs = new Map<string, number>();
  /** By the key of a message. */
  const idOfKey = new Map<string, string>();

  function violate(invariant: Invariant, what: string): void {
    violations.push({ invariant, what });
  }

  const authorisation = createAuthorisation(scheduler, (what) => violate(6, what));

  function noteEnd(id: string, was: string | null, state: string): void {
    if (TERMINAL.includes(state) && was !== state) endedMs.set(id, scheduler.nowMs);
  }

  function noteClaim(before: PromotionRow | null, { promotion, leaseOwner }: PromotionRow): void {
    if (leaseOwner !== null && leaseOwner !== before?.leaseOwner) claimedMs.set(promotion.id, scheduler.nowMs);
  }

  function notePromoted(promoted: Promotion): void {
    promotedMs.set(promoted.id, scheduler.nowMs);
    authorisation.onPromoted(promoted);
  }

  function checkTransition(id: string, was: string | null, state: string, actions: readonly string[]): void {
    if (was !== null && TERMINAL.includes(was) && was !== state) violate(1, `${id} went from ${was} to ${state}`);
    const transitions = actions.filter((action) => TERMINAL.includes(action) || action === 'promoted');
    const expected = was === state ? [] : [state === 'deploying' ? 'promoted' : state];
    if (transitions.join() !== expected.join())
      violate(5, `${id} went from ${was} to ${state} with the events [${actions.join(', ')}]`);
  }

  /** The wait before a second PATCH may have been over too soon. */
  function noteAnnounced(id: string, actions: readonly string[]): void {
    if (actions.includes(UNCHANGED)) announced.delete(id);
    if (!actions.includes(ANNOUNCED)) return;
    announcements.set(id, (announcements.get(id) ?? 0) + 1);
    if (!firstClaimedMs.has(id)) firstClaimedMs.set(id, claimedMs.get(id) ?? 0);
    const last = announced.get(id);
    const isSoon = last !== undefined && scheduler.nowMs - last.atMs < SEND_AGAIN_AFTER_MS;
    if (isSoon && db.nowMs() - last.storedMs >= SEND_AGAIN_AFTER_MS) {
      watched.count('PATCHes too soon');
      clock.hurry(keyOf(id));
    }
    announced.set(id, { atMs: scheduler.nowMs, storedMs: db.nowMs() });
  }

  /** What a promotion itself still lacks. If its value was replaced, a person decides. */
  function owedOf({ promotion: row }: PromotionRow): readonly string[] {
    if (TERMINAL.includes(row.state)) return [];
    const { id, herokuApp, configVar, targetValue, checkpoint, lastError } = row;
    const isForAPerson =
      watched.heroku().value(herokuApp, configVar) !== targetValue &&
      lastError?.includes('is not, or no longer,') === true &&
      isReplaced(row);
    return isForAPerson ? [] : [`promotion ${id} is ${row.state} ${checkpoint}, ${lastError}`];
  }

  /** Whether Heroku itself shows another change of its value since its first PATCH was announced. */
  function isReplaced({ id, herokuApp, configVar, targetValue }: Promotion): boolean {
    const sinceMs = firstClaimedMs.get(id) ?? Number.POSITIVE_INFINITY;
    const releases = watched.heroku().releases(herokuApp);
    const effective = releases.filter(({ status }) => status === 'succeeded' || status === 'pending');
    return effective.some(({ createdMs, vars }, nth) => {
      const value = vars.get(configVar);
      return createdMs >= sinceMs && value !== targetValue && value !== effective[nth - 1]?.vars.get(configVar);
    });
  }

  /** Whether it still has something to say, so that closing it loses it. */
  function isClosedTooSoon(row: MessageRow): boolean {
    switch (row.kind) {
      case 'progress':
        return !wasDeleted(row);
      case 'resolved': {
        const root = messages.rows.get(row.rootId ?? '');
        return root !== undefined && root.state !== 'closed' && !wasDeleted(root);
      }
      default:
        return !isOver(row);
    }
  }

  /** Whether it is there, or was: an incident at the pager, a message in Slack. */
  function hasArrived(row: MessageRow): boolean {
    // What has ended stops ringing, whether it rang or not.
    if (row.kind === 'page') return isOver(row) || watched.pager().incidents.has(messageKey(row));
    return ofRow(row).some(({ ts }) => ts === row.message?.ts);
  }

  const isTooLong = (sinceMs: number): boolean => sinceMs <= scheduler.nowMs - OVERDUE_AFTER_MS;

  /** For too long it could have been posted, and nothing of it has arrived. A reply waits for its root. */
  function isForgotten(row: MessageRow): boolean {
    const waits = messages.rows.get(row.rootId ?? '')?.state === 'pending';
    const owedMs = Math.max(queuedAtMs.get(row.id) ?? 0, clock.countsFromMs);
    return row.state === 'pending' && !waits && isTooLong(owedMs) && !hasArrived(row);
  }

  /** For too long a promoter could have claimed it, and none has. */
  function isIdle(row: PromotionRow): boolean {
    const { id } = row.promotion;
    const key = keyOf(id);
    const times = [
      promotedMs.get(id) ?? 0,
      clock.comesMs(key, row, 'leaseUntilMs'),
      clock.comesMs(key, row, 'nextAttemptMs'),
    ];
    return isOurs(row) && times.every(isTooLong);
  }

  const ofRow = (row: MessageRow) => watched.slack().withKey(messageKey(row));
  const wasDeleted = (row: MessageRow): boolean => ofRow(row).some(({ deletedBy }) => deletedBy === 'a person');
  const isOver = (row: MessageRow): boolean =>
    TERMINAL.includes(promotion(row.promotionId ?? '')?.promotion.state ?? '');

  /** What its row says itself. */
  function owedOfRow(row: MessageRow): readonly string[] {
    if (row.state === 'pending') return [`${messageKey(row)} is not delivered`];
    return row.state === 'posted' && row.wanted > row.shown ? [`${messageKey(row)} is not up to date`] : [];
  }

  /** What a message still lacks: posted once, with the current state. */
  function owedOfMessage(row: MessageRow): readonly string[] {
    const key = messageKey(row);
    const standing = ofRow(row).filter(({ deletedBy }) => deletedBy === null);
    const undelivered = owedOfRow(row);
    if (undelivered.length > 0) return undelivered;
    if (standing.length === 0) return row.state === 'closed' || wasDeleted(row) ? [] : [`${key} stands nowhere`];
    // SECURITY.md says what a clock that is set forward may do.
    return clock.isHurried(keyOfMessage(row)) ? [] : owedOfStanding(row, standing);
  }

  function owedOfStanding(row: MessageRow, standing: readonly { readonly text: string }[]): readonly string[] {
    const key = messageKey(row);
    if (standing.length > 1) return [`${key} stands ${standing.length} times`];
    const state = promotion(row.promotionId ?? '')?.promotion.state ?? '';
    const text = textOf(row.kind, row.promotionId ?? '', state);
    return standing.flatMap((message) =>
      message.text === text ? [] : [`${key} says "${message.text}" instead of "${text}"`],
    );
  }

  /** What a page still lacks: it rang once, and stopped once its promotion had ended. */
  function owedOfPage(row: MessageRow): readonly string[] {
    const key = messageKey(row);
    const undelivered = owedOfRow(row);
    if (undelivered.length > 0) return undelivered;
    const { opened = 0, resolved = 0 } = watched.pager().incidents.get(key) ?? {};
    return opened > resolved && isOver(row) ? [`${key} rings still`] : [];
  }

  function onSent(process: Process, key: string, change: string): void {
    const row = messages.rows.get(idOfKey.get(key) ?? '');
    if (row === undefined) violate(3, `${process.name} sent ${key}, of which there is no row`);
    else if (!clock.holds(process, keyOfMessage(row), row))
      violate(3, `${process.name} sent the ${change} of ${key} without holding its lease`);
  }

  return {
    violations,
    violate,
    authorisation,

    onRow(before, after, actions) {
      const { id, state } = after.promotion;
      seen.set(id, after);
      if (before === null) notePromoted(after.promotion);
      clock.onRow(keyOf(id), before, after);
      noteClaim(before, after);
      noteAnnounced(id, actions);
      const was = before?.promotion.state ?? null;
      noteEnd(id, was, state);
      checkTransition(id, was, state, actions);
    },

    onMessage(before, after) {
      const key = messageKey(after);
      idOfKey.set(key, after.id);
      clock.onRow(keyOfMessage(after), before, after);
      if (before?.createdAt !== after.createdAt) queuedAtMs.set(after.id, scheduler.nowMs);
      if (before === null || before.state === after.state) return;
      if (after.state === 'closed' && isClosedTooSoon(after))
        violate(4, `${key} was closed with something left to say`);
      if (after.state === 'posted' && !hasArrived(after)) violate(4, `${key} counts as posted, but nothing arrived`);
    },

    onWritten({ process, app, name, value }) {
      const id = promotionOfTarget(value) ?? '';
      const row = promotion(id);
      if (row === null) {
        violate(2, `${process.name} set ${name}=${value}, which nobody promoted`);
        return;
      }
      if (!clock.holds(process, keyOf(id), row))
        violate(3, `${process.name} sent a PATCH for ${id} without holding its lease`);
      authorisation.onWritten(id, { app, name, value });
      const written = writtenMs.get(id) ?? [];
      writtenMs.set(id, [...written, scheduler.nowMs]);
      const announced = announcements.get(id) ?? 0;
      if (announced <= written.length)
        violate(5, `${process.name} sent PATCH number ${written.length + 1} for ${id} with ${announced} announced`);
      const changed = changedByOthersMs.get(`${app} ${name}`) ?? 0;
      const [first] = written;
      const isOver = first !== undefined && changed > first && changed < (claimedMs.get(id) ?? 0);
      if (isOver && !clock.isHurried(keyOf(id)))
        violate(2, `${process.name} sent a PATCH for ${id} over what others had set since the one before`);
    },

    onInForce({ request, app, name, value, vars, isChange, createdMs }, before) {
      authorisation.onInForce(app, vars);
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
      if (earlier.length > 0 && !clock.isHurried(keyOf(id)))
        violate(2, `${id} made another release, v${version}, after v${earlier[0]}`);
    },

    onSent(process, key, change) {
      onSent(process, key, change);
      const row = messages.rows.get(idOfKey.get(key) ?? '');
      // If it ended after the message was claimed, the update says so.
      const ended = endedMs.get(row?.promotionId ?? '');
      const isNews = ended === undefined || ended > scheduler.nowMs - LEASE_MS;
      if (row?.kind === 'alert' && change === 'post' && !isNews)
        violate(4, `${process.name} posted ${key} about a promotion that had ended`);
    },
    onPage: (process, key) => onSent(process, key, 'page'),
    onHeartbeat(process) {
      const name = process.name;
      for (const row of messages.rows.values())
        if (isForgotten(row)) violate(7, `${name} says all is well, but ${messageKey(row)} isn't posted`);
      for (const row of seen.values())
        if (isIdle(row)) violate(7, `${name} says all is well, but nobody claims ${row.promotion.id}`);
    },
    onReopened(key) {
      const row = messages.rows.get(idOfKey.get(key) ?? '');
      if (row === undefined || !clock.isHurried(keyOfMessage(row))) violate(4, `${key} rang again after it had ended`);
    },

    owed: () => [
      ...[...seen.values()].flatMap(owedOf),
      ...[...messages.rows.values()].flatMap((row) => (row.kind === 'page' ? owedOfPage(row) : owedOfMessage(row))),
    ],
  };
}
