import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOME_INTERVAL_MS } from '../../src/promotions/home.js';
import type { MessageKind } from '../../src/promotions/messages.js';
import type { TestBed } from '../support/app.js';

/** How to make the next tick deliver a message of a kind. */
export interface KillableDelivery {
  readonly environment?: Readonly<Record<string, string>>;
  /** Whether the tick's earlier writes count as well: the opening of an alert. */
  readonly isCountedFromStart?: boolean;
  /** Leaves one message of the kind to the next tick, and nothing else but what belongs to it. */
  prepare(bed: TestBed, round: number): Promise<void>;
  /** For kinds without a key: how many Slack shows, and how many it may show. */
  count?(bed: TestBed): Promise<{ readonly shown: number; readonly least?: number; readonly most?: number }>;
}

const HOUR = 3_600_000;
const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();

function insert(bed: TestBed, hours: number): Promise<string> {
  return bed.rows.insertDeploying({ flagKey: `flag_${randomBytes(5).toString('hex')}`, promotedAt: ago(hours) });
}

/** A critical that Slack shows. */
async function critical(bed: TestBed): Promise<string> {
  const id = await insert(bed, 25);
  await bed.app.tick();
  return id;
}

const asked = async (bed: TestBed, promotionId: string, operatorId = bed.slack.people.superadmin.id) => ({
  promotionId,
  operatorId,
  at: await bed.db.now(),
});

async function take(bed: TestBed, promotionId: string, operatorId?: string): Promise<void> {
  const { kind } = await bed.db.attention.take({ ...(await asked(bed, promotionId, operatorId)), over: null });
  if (kind !== 'taken_now') throw new Error(`Nobody took it: ${kind}.`);
  await bed.app.tick();
}

/** Ages an alert as if Slack had accepted its message this many hours ago. */
async function age(bed: TestBed, promotionId: string, hours: number): Promise<void> {
  await bed.rows.query(
    `update flag_promotions.messages set posted_at = posted_at - $2 * interval '1 hour' where promotion_id = $1`,
    [promotionId, hours],
  );
}

const end = (bed: TestBed, promotionId: string, hours = 0) =>
  bed.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $2 where id = $1`, [
    promotionId,
    ago(hours),
  ]);

async function enrolment(bed: TestBed, state: 'proved' | 'activated'): Promise<string> {
  await bed.rows.query(
    `update flag_promotions.enrolments set state = 'ended', end_reason = 'replaced', totp_secret_encrypted = null where state = 'proved'`,
  );
  const { engineer, superadmin } = bed.slack.people;
  const [row] = await bed.rows.query<{ id: string }>(
    `insert into flag_promotions.enrolments (token_hash, slack_user_id, role, purpose, invited_by, state, totp_secret_encrypted, expires_at)
     values ($1, $2, 'engineer', 'add', $3, $4, $5, now() + interval '1 hour') returning id`,
    [randomBytes(8).toString('hex'), engineer.id, superadmin.id, state, state === 'proved' ? 'sealed' : null],
  );
  if (row === undefined) throw new Error('No row was inserted.');
  return row.id;
}

/** One individual alert an hour, so the following ones are grouped. */
const GROUPED = { ALERT_MESSAGES_PER_HOUR: '1' };

/** A warning that the next tick groups. */
async function grouped(bed: TestBed, round: number): Promise<string> {
  if (round === 1) {
    await insert(bed, 14);
    await bed.app.tick();
  }
  await bed.rows.query(
    `update flag_promotions.messages set posted_at = posted_at - interval '2 hours' where kind = 'group'`,
  );
  return insert(bed, 13);
}

/** A direct message can't be searched for: the one kill between its post and its record sends it twice. */
const direct = (shown: readonly unknown[], rounds: number) => ({
  shown: shown.length,
  least: rounds,
  most: rounds + 1,
});

/** How many messages of a kind were queued, so how many rounds there were. */
async function rowsOf(bed: TestBed, kind: MessageKind): Promise<number> {
  return (await bed.rows.query('select 1 from flag_promotions.messages where kind = $1', [kind])).length;
}

/** By kind. A missing one compiles, since a new kind is a file and a line; the scenario then fails and names it. */
export const DELIVERIES = {
  alert: {
    isCountedFromStart: true,
    async prepare(bed) {
      await insert(bed, 13);
    },
  },
  escalation: {
    isCountedFromStart: true,
    async prepare(bed) {
      const id = await insert(bed, 13);
      await bed.app.tick();
      await bed.rows.query('update console_flag_promotions set promoted_at = $2 where id = $1', [id, ago(25)]);
    },
  },
  repeat: {
    prepare: async (bed) => age(bed, await critical(bed), 25),
  },
  resolved: {
    async prepare(bed) {
      await end(bed, await critical(bed));
    },
  },
  rca_linked: {
    async prepare(bed, round) {
      const id = await critical(bed);
      await bed.db.promotions.linkRca({ ...(await asked(bed, id)), url: `https://docs.example.com/rca/${round}` });
    },
  },
  rca_reminder: {
    async prepare(bed) {
      const id = await critical(bed);
      await end(bed, id);
      await bed.app.tick();
      await end(bed, id, 73);
    },
  },
  owner_asked: {
    async prepare(bed) {
      const id = await critical(bed);
      await take(bed, id);
      await age(bed, id, 1);
      await bed.rows.query(
        `update flag_promotions.attention set confirmed_at = confirmed_at - interval '1 hour' where promotion_id = $1`,
        [id],
      );
    },
  },
  owner_lost: {
    async prepare(bed, round) {
      const owner = `U0GONE${String(round).padStart(4, '0')}`;
      await bed.enrol(owner);
      await take(bed, await critical(bed), owner);
      await bed.rows.query('update flag_promotions.operators set disabled_at = now() where slack_user_id = $1', [
        owner,
      ]);
    },
  },
  taken_over: {
    async prepare(bed) {
      const { superadmin, secondSuperadmin } = bed.slack.people;
      await bed.enrol(secondSuperadmin.id);
      const id = await critical(bed);
      await take(bed, id);
      await bed.db.attention.take({ ...(await asked(bed, id, secondSuperadmin.id)), over: superadmin.id });
    },
  },
  released: {
    async prepare(bed) {
      const id = await critical(bed);
      await take(bed, id);
      await bed.db.attention.answer({ ...(await asked(bed, id)), answer: 'hand_over' });
    },
  },
  snooze_ended: {
    async prepare(bed) {
      const id = await critical(bed);
      const request = await asked(bed, id);
      await bed.db.attention.snooze({ ...request, until: new Date(request.at.getTime() + HOUR) });
      await bed.app.tick();
      await bed.rows.query(
        `update flag_promotions.attention set snoozed_until = snoozed_until - interval '1 hour' where promotion_id = $1`,
        [id],
      );
    },
  },
  progress: {
    async prepare(bed) {
      const id = await insert(bed, 0);
      await bed.rows.query(
        `insert into flag_promotions.messages (kind, subject, promotion_id) values ('progress', $1::bigint::text, $1::bigint)`,
        [id],
      );
    },
  },
  group: {
    environment: GROUPED,
    async prepare(bed, round) {
      await grouped(bed, round);
    },
  },
  group_criticals: {
    environment: GROUPED,
    async prepare(bed, round) {
      const id = await grouped(bed, round);
      await bed.app.tick();
      await bed.rows.query('update console_flag_promotions set promoted_at = $2 where id = $1', [id, ago(25)]);
    },
  },
  verdict_changed: {
    async prepare(bed) {
      const promotion = await bed.db.promotions.find(await critical(bed));
      if (promotion === null) throw new Error('The promotion is gone.');
      const evidence = {
        kind: 'read',
        checkedAt: new Date(),
        verdict: 'release_failed',
        value: { kind: 'unset' },
      } as const;
      await bed.db.evidence.store([{ promotion, evidence, againAfterMs: 3_600_000 }], { announce: false });
    },
  },
  digest: {
    async prepare(bed, round) {
      const detail = { due_at: new Date() };
      await bed.db.messages.queue({ kind: 'digest', subject: String(round), detail });
    },
  },
  digest_chart: {
    async prepare(bed, round) {
      if (round === 1) await critical(bed);
      const about = { subject: String(round), detail: { due_at: new Date() } };
      await bed.db.messages.queue({ kind: 'digest', ...about });
      await bed.app.tick();
      await bed.db.messages.queue({ kind: 'digest_chart', ...about, under: 'digest' });
    },
    // Tried once: an interrupted chart isn't drawn again.
    async count(bed) {
      return { shown: bed.slack.files().length, least: 1, most: await rowsOf(bed, 'digest_chart') };
    },
  },
  home: {
    async prepare(bed) {
      // A tick refreshes the homes a little later: that would deliver this one before the process to be killed does.
      await sleep(HOME_INTERVAL_MS + 1_000);
      await bed.db.homes.open(bed.slack.people.superadmin.id);
    },
    // One row a person, and one tab, however often it is published.
    async count(bed) {
      const published = bed.slack.calls.filter(
        ({ method, answer }) => method === 'views.publish' && answer?.['ok'] === true,
      );
      return { shown: Math.min(1, published.length), least: 1, most: 1 };
    },
  },
  confirm_enrolment: {
    async prepare(bed) {
      await bed.db.messages.queue({ kind: 'confirm_enrolment', subject: await enrolment(bed, 'proved') });
    },
    async count(bed) {
      return direct(await bed.slack.people.superadmin.directMessages(), await rowsOf(bed, 'confirm_enrolment'));
    },
  },
  enrolment_ended: {
    async prepare(bed) {
      await bed.db.messages.queue({ kind: 'enrolment_ended', subject: await enrolment(bed, 'activated') });
    },
    async count(bed) {
      return direct(await bed.slack.people.engineer.directMessages(), await rowsOf(bed, 'enrolment_ended'));
    },
  },
} satisfies Partial<Record<MessageKind, KillableDelivery>>;
