import cronParser from 'cron-parser';
import ms from 'ms';
import type { Database } from '../db/database.js';
import type { Lease } from '../db/leases.js';
import type { MessageRef } from '../promotions/alert.js';
import { DIGEST_PERIOD_DAYS, DIGEST_WITHIN_MS, type Digest, nextDigestStep } from '../promotions/digest.js';
import type { PeriodStats } from '../promotions/stats.js';
import type { Thresholds } from '../promotions/stuck.js';
import type { Outgoing, Slack } from '../slack/slack.js';
import type { OutgoingFile } from '../slack/upload.js';
import { digestMessage } from '../views/digest.js';
import { RCA_DEBT_NAMED } from '../views/rca-debt.js';
import { CLOCK_SKEW_MS, LEASE_MS, postponed } from './attempts.js';

/** When digests are due. */
export interface DigestSchedule {
  /** A cron expression that was validated before. */
  readonly cron: string;
  /** An IANA time zone that was validated before. */
  readonly timeZone: string;
}

export interface DigestDependencies {
  readonly db: Pick<Database, 'digests' | 'stats' | 'rcaDebts' | 'promotions'>;
  readonly slack: Slack;
  readonly schedule: DigestSchedule;
  readonly thresholds: Thresholds;
  readonly channel: string;
  /** The figures as a picture. */
  readonly drawChart: (stats: PeriodStats) => Promise<Pick<OutgoingFile, 'content' | 'altText'>>;
  readonly now: () => Date;
  /** Yields [0, 1). */
  readonly random: () => number;
  /** Names the holder of a lease, another at each call. */
  readonly newOwner: () => string;
}

/** Posts the digest of a week once for each time at which it is due. */
export interface DigestJob {
  /** What is due and not known yet, and what is on its way. */
  plan(at: Date): Promise<readonly { readonly due: string; readonly dueAt: Date }[]>;
  /** Brings one as far as it goes. Rejects where it is to be tried again, which stands in its row then. */
  deliver(digest: { readonly due: string; readonly dueAt: Date }): Promise<void>;
}

/** Posting, then the chart. */
const MOST_STEPS = 4;
const PERIOD = `${DIGEST_PERIOD_DAYS}d` as const;

export function createDigestJob(deps: DigestDependencies): DigestJob {
  const { db, slack } = deps;

  async function take(digest: Digest, attemptsBefore: number, lease: Lease): Promise<boolean> {
    const step = nextDigestStep(digest, attemptsBefore, deps.now());
    switch (step.kind) {
      case 'find': {
        const found = await slack.find(destination(digest), new Date(digest.createdAt.getTime() - CLOCK_SKEW_MS));
        return found === null ? post(digest, lease) : db.digests.recordPosted(digest.due, lease, found, deps.now());
      }
      case 'post':
        return post(digest, lease);
      case 'chart':
        await chart(digest, step.message, lease);
        return false;
      case 'close':
        await db.digests.close(digest.due, lease);
        return false;
    }
  }

  async function post(digest: Digest, lease: Lease): Promise<boolean> {
    const now = deps.now();
    const stuckBefore = new Date(now.getTime() - deps.thresholds.warningAfterMs);
    const message = digestMessage({
      stats: await statsOf(digest),
      period: PERIOD,
      debt: await db.rcaDebts.owed(RCA_DEBT_NAMED),
      stuckNow: (await db.promotions.stuck(stuckBefore, { offset: 0, limit: 1 })).total,
    });
    const posted = await slack.post(destination(digest), message, null);
    if (await db.digests.recordPosted(digest.due, lease, posted, deps.now())) return true;
    // This process was paused past its lease while posting; whoever took over may have posted too.
    const recorded = (await db.digests.of(digest.due))?.message ?? null;
    if (recorded !== null && recorded.ts !== posted.ts) await slack.remove(posted);
    return false;
  }

  /** Once, whatever comes of it: Slack has no key by which a file could be found again. */
  async function chart(digest: Digest, root: MessageRef, lease: Lease): Promise<void> {
    const stats = await statsOf(digest);
    if (stats.all.promotions > 0) {
      if (!(await db.digests.recordCharting(digest.due, lease))) return;
      await slack.upload({
        channel: root.channel,
        threadTs: root.ts,
        name: `promotions-${stats.until.toISOString().slice(0, 10)}-${PERIOD}.png`,
        title: `Promotions of the last ${PERIOD}`,
        comment: 'The week as a chart',
        ...(await deps.drawChart(stats)),
      });
    }
    await db.digests.close(digest.due, lease);
  }

  const statsOf = ({ dueAt }: Digest) =>
    db.stats.of({
      since: new Date(dueAt.getTime() - ms(PERIOD)),
      until: dueAt,
      stuckAfterMs: deps.thresholds.warningAfterMs,
    });

  /** The time alone would not do: another installation may post to the same channel. */
  const destination = ({ due, createdAt }: Digest): Outgoing => ({
    channel: deps.channel,
    threadTs: null,
    broadcast: false,
    key: `digest:${due}:${createdAt.getTime()}`,
  });

  return {
    async plan(at) {
      const newest = lastDue(deps.schedule, at);
      const known = newest === null ? null : await db.digests.of(newest.due);
      const open = await db.digests.due(at);
      const underWay = await Promise.all(open.map((due) => db.digests.of(due)));
      return [...(newest !== null && known === null ? [newest] : []), ...underWay.filter((one) => one !== null)];
    },
    async deliver({ due, dueAt }) {
      await db.digests.open(due, dueAt);
      const lease: Lease = { owner: deps.newOwner(), durationMs: LEASE_MS };
      const claimed = await db.digests.claim(due, lease, deps.now());
      if (claimed === null) return;
      try {
        let digest: Digest | null = claimed.digest;
        for (let steps = 0; digest !== null && steps < MOST_STEPS; steps += 1) {
          digest = (await take(digest, claimed.attemptsBefore, lease)) ? await db.digests.of(due) : null;
        }
      } catch (error) {
        await db.digests.release(due, lease, postponed(error, claimed.attemptsBefore + 1, deps));
        throw error;
      }
    },
  };
}

/** The newest time at which a digest was due, while it is news; null where there was none. */
export function lastDue({ cron, timeZone }: DigestSchedule, now: Date): { due: string; dueAt: Date } | null {
  const before = cronParser
    .parseExpression(cron, { currentDate: new Date(now.getTime() + 1), tz: timeZone })
    .prev()
    .toDate();
  // Forwards from there, because only so the parser knows what to do with an hour that the clock jumped over.
  const onwards = cronParser.parseExpression(cron, { currentDate: before, tz: timeZone });
  let dueAt = before;
  for (let next = onwards.next().toDate(); next <= now; next = onwards.next().toDate()) dueAt = next;
  return now.getTime() - dueAt.getTime() > DIGEST_WITHIN_MS ? null : { due: wallClock(dueAt, timeZone), dueAt };
}

function wallClock(at: Date, timeZone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  return `${format.format(at)} ${timeZone}`;
}
