import type { TypedCode } from '../../src/db/codes.js';
import type { ResolutionOutcome } from '../../src/db/promotions.js';
import type { ResolutionRequest } from '../../src/promotions/resolution.js';
import {
  accepted,
  breakAuditLog,
  CHANNEL,
  enrol,
  everything,
  insertPromotion,
  insertPromotions,
  LIVE,
  mendAuditLog,
  NOT_LIVE,
  NOW,
  openAlert,
  type Person,
  postAlert,
  STEP,
  type Stored,
  startStored,
  submission,
  typed,
  writersOf,
} from '../support/rows.js';

let stored: Stored;
let kris: Person;
beforeEach(async () => {
  stored = await startStored();
  kris = await enrol(stored.db, 'U0KRIS');
});
afterEach(() => stored.close());

/** The rows that a resolution may touch, as another system reads them. */
async function one(sql: string): Promise<Record<string, unknown>> {
  const [row] = await stored.rows.query(sql);
  if (row === undefined) throw new Error(`Nothing found by: ${sql}`);
  return row;
}
const RELEASE = {
  id: 'release',
  version: 143,
  status: 'pending',
  createdAt: new Date('2026-05-09T04:28:31Z'),
} as const;
const promotionRow = (id: string) => one(`select * from console_flag_promotions where id = ${id}`);
const operatorRow = (person: Person) =>
  one(`select * from flag_promotions.operators where slack_user_id = '${person.id}'`);
const auditEvents = () =>
  stored.rows.query<{ action: string; actor: string; promotion_id: string; detail: unknown; at: Date }>(
    `select action, actor, promotion_id, detail, at from flag_promotions.audit_log
      where action not like '%.stuck_%' order by id`,
  );
const resolve = (request: ResolutionRequest, code: string, db = stored.db, now = NOW) =>
  db.promotions.resolve(request, now, typed(code, now));
const kindOf = (outcome: ResolutionOutcome) =>
  outcome.kind === 'code_refused'
    ? `${outcome.kind}: ${outcome.check.kind === 'rejected' ? outcome.check.reason : outcome.check.kind}`
    : outcome.kind;
const replies = (columns = 'kind') =>
  stored.rows.query(`select ${columns} from flag_promotions.messages where root_id is not null order by id`);
const tally = (outcomes: readonly ResolutionOutcome[]) => {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[kindOf(outcome)] = (counts[kindOf(outcome)] ?? 0) + 1;
  return counts;
};

describe('resolving', () => {
  test('Mark completed writes the state, the time step, the alerts, a reply and the audit event, together', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.2' });
    await stored.rows.query('update flag_promotions.messages set shown = wanted');
    await stored.rows.query('update flag_promotions.operators set totp_failed_attempts = 3');

    const outcome = await resolve(submission(id, kris), kris.code());

    expect(outcome).toMatchObject({ kind: 'resolved', promotion: { id, state: 'deployed', resolvedBy: kris.id } });
    expect(await promotionRow(id)).toMatchObject({
      state: 'deployed',
      deployed_at: NOW,
      failed_at: null,
      failure_reason: null,
      resolved_by: kris.id,
      resolution_note: 'The dyno died after the PATCH.',
      rca_url: null,
    });
    expect(await operatorRow(kris)).toMatchObject({ totp_last_step: String(STEP), totp_failed_attempts: 0 });
    expect(await auditEvents()).toEqual([
      {
        action: 'console.flag.promotion.ops_complete',
        actor: kris.id,
        promotion_id: id,
        at: NOW,
        detail: {
          heroku_app: 'raxx-console-prod',
          config_var: 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING',
          target: { kind: 'plain', value: 'true' },
          from: 'deploying',
          to: 'deployed',
          note: 'The dyno died after the PATCH.',
          evidence_shown: JSON.parse(JSON.stringify(LIVE)),
          evidence_reread: JSON.parse(JSON.stringify(LIVE)),
          contradiction_confirmed: false,
          set_back_by: null,
        },
      },
    ]);
    expect(
      await stored.rows.query(
        'select severity, closed_at is not null as closed from flag_promotions.alerts order by id',
      ),
    ).toEqual([
      { severity: 'warning', closed: true },
      { severity: 'critical', closed: true },
    ]);
    expect(
      await stored.rows.query(
        'select promotion_id, kind, state, wanted - shown as behind from flag_promotions.messages order by id',
      ),
    ).toEqual([
      { promotion_id: id, kind: 'alert', state: 'posted', behind: 1 },
      // It has the buttons too, which go.
      { promotion_id: id, kind: 'escalation', state: 'posted', behind: 1 },
      { promotion_id: id, kind: 'resolved', state: 'pending', behind: 0 },
    ]);
    await stored.rows.query(`delete from flag_promotions.messages where kind = 'escalation'`);
    await stored.rows.query(`alter table flag_promotions.audit_log disable trigger user`);
    await stored.rows.query(`delete from flag_promotions.audit_log where action like '%.stuck_%'`);
    const writers = await writersOf(stored.rows, [
      'console_flag_promotions',
      'flag_promotions.operators',
      'flag_promotions.alerts',
      'flag_promotions.messages',
      'flag_promotions.audit_log',
    ]);
    expect(writers.size).toBe(1);
  });

  test('Mark failed keeps the note as the reason of the failure, and no time of a deployment', async () => {
    const id = await insertPromotion(stored.rows);
    const request = submission(id, kris, { action: 'failed', note: 'rolled back', shown: NOT_LIVE, reread: NOT_LIVE });
    expect(await resolve(request, kris.code())).toMatchObject({ kind: 'resolved', promotion: { state: 'failed' } });
    expect(await promotionRow(id)).toMatchObject({
      state: 'failed',
      failed_at: NOW,
      deployed_at: null,
      failure_reason: 'rolled back',
      resolution_note: 'rolled back',
      resolved_by: kris.id,
    });
    expect((await auditEvents()).map(({ action, detail }) => ({ action, detail }))).toEqual([
      {
        action: 'console.flag.promotion.ops_failed',
        detail: expect.objectContaining({ from: 'deploying', to: 'failed', note: 'rolled back' }),
      },
    ]);
  });

  test('nothing at all is written if the audit event cannot be, and the same code is good afterwards', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);

    const request = submission(id, kris, { rcaUrl: 'https://wiki.example/rca' });
    await expect(resolve(request, kris.code())).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);

    await mendAuditLog(stored.rows);
    expect(await resolve(request, kris.code())).toMatchObject({ kind: 'resolved' });
  });

  test('a wrong code whose audit event cannot be written is not counted either', async () => {
    const id = await insertPromotion(stored.rows);
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);
    await expect(resolve(submission(id, kris), kris.wrongCode())).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('an RCA given with it is recorded in the same transaction, with an event but no second reply', async () => {
    const id = await insertPromotion(stored.rows, { rca_url: 'https://wiki.example/old' });
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    const url = 'https://wiki.example/new';
    const outcome = await resolve(submission(id, kris, { rcaUrl: url }), kris.code());
    expect(outcome).toMatchObject({ kind: 'resolved', promotion: { state: 'deployed', rcaUrl: url } });
    expect(await promotionRow(id)).toMatchObject({ state: 'deployed', rca_url: url });
    expect((await auditEvents()).map(({ action }) => action)).toEqual([
      'console.flag.promotion.ops_complete',
      'console.flag.promotion.rca_linked',
    ]);
    expect((await auditEvents())[1]).toMatchObject({
      actor: kris.id,
      promotion_id: id,
      detail: { url, previous_url: 'https://wiki.example/old' },
    });
    expect(await replies()).toEqual([{ kind: 'resolved' }]);
    expect((await writersOf(stored.rows, ['console_flag_promotions', 'flag_promotions.operators'])).size).toBe(1);
  });

  test('an RCA that is recorded already is not recorded again', async () => {
    const url = 'https://wiki.example/rca';
    const id = await insertPromotion(stored.rows, { rca_url: url });
    expect(await resolve(submission(id, kris, { rcaUrl: url }), kris.code())).toMatchObject({ kind: 'resolved' });
    expect((await auditEvents()).map(({ action }) => action)).toEqual(['console.flag.promotion.ops_complete']);
  });

  test('a note with characters that PostgreSQL cannot store does not stand in the way', async () => {
    const id = await insertPromotion(stored.rows);
    const request = submission(id, kris, { note: 'cut\u0000short, half a \ud83d smile' });
    expect(await resolve(request, kris.code())).toMatchObject({ kind: 'resolved' });
  });
});

describe('a refused resolution', () => {
  const NEVER: TypedCode = {
    isRecoveryCode: false,
    check() {
      throw new Error('The code was looked at.');
    },
  };

  test.each(['an engineer', 'a superadmin who was disabled', 'nobody of ours'])(
    'of %s leaves one event that says so, and nothing else, and the code is not looked at',
    async (who) => {
      const id = await insertPromotion(stored.rows);
      const person = who === 'an engineer' ? await enrol(stored.db, 'U0OTHER', 'engineer') : { id: 'U0OTHER' };
      if (who === 'a superadmin who was disabled') {
        await enrol(stored.db, 'U0OTHER');
        await stored.db.operators.disable('U0OTHER', NOW);
      }
      const except = ['flag_promotions.audit_log'] as const;
      const before = await everything(stored.rows, except);
      expect(await stored.db.promotions.resolve(submission(id, person), NOW, NEVER)).toEqual({
        kind: 'not_superadmin',
      });
      expect(await everything(stored.rows, except)).toEqual(before);
      expect(await auditEvents()).toEqual([
        {
          action: 'console.flag.promotion.denied',
          actor: 'U0OTHER',
          promotion_id: id,
          at: NOW,
          detail: { attempted: 'completed', reason: 'not_superadmin' },
        },
      ]);
    },
  );

  test('on what is not there, is over, has not begun or contradicts the evidence writes nothing and costs no code', async () => {
    const over = await insertPromotion(stored.rows);
    await resolve(submission(over, kris), kris.code());
    const cancelled = await insertPromotion(stored.rows, { flag_key: 'b', state: 'cancelled' });
    const marked = await insertPromotion(stored.rows, { flag_key: 'c', state: 'marked' });
    const live = await insertPromotion(stored.rows, { flag_key: 'e' });
    const other = await enrol(stored.db, 'U0OTHER');
    const before = await everything(stored.rows);
    const refused = (id: string, by: Person, changes: Partial<ResolutionRequest> = {}) =>
      stored.db.promotions.resolve(submission(id, by, changes), NOW, NEVER);

    expect(await refused('4711', kris)).toEqual({ kind: 'unknown_promotion' });
    const told = { kind: 'already_resolved', at: NOW, promotion: { resolvedBy: kris.id, state: 'deployed' } };
    expect(await refused(over, kris)).toMatchObject({ ...told, byThisRequest: true });
    expect(await refused(over, kris, { action: 'failed' })).toMatchObject({ ...told, byThisRequest: false });
    expect(await refused(over, other)).toMatchObject({ ...told, byThisRequest: false });
    expect(await refused(cancelled, kris)).toMatchObject({ kind: 'already_resolved', byThisRequest: false });
    expect(await refused(marked, kris)).toMatchObject({ kind: 'not_deploying' });
    const contradiction = { shown: NOT_LIVE, reread: NOT_LIVE };
    expect(await refused(live, kris, contradiction)).toEqual({ kind: 'contradiction_unconfirmed' });
    expect(await everything(stored.rows)).toEqual(before);

    const confirmed = submission(live, other, { ...contradiction, confirmedContradiction: true });
    expect(await resolve(confirmed, other.code())).toMatchObject({ kind: 'resolved' });
    expect((await auditEvents()).at(-1)?.detail).toMatchObject({ contradiction_confirmed: true });
  });

  test('for its code leaves the count and an event without the code, whatever was wrong with it', async () => {
    const id = await insertPromotion(stored.rows);
    const except = ['flag_promotions.operators', 'flag_promotions.audit_log'] as const;
    const before = await everything(stored.rows, except);
    const failures = async () => (await operatorRow(kris))['totp_failed_attempts'];

    const wrong = kris.wrongCode();
    expect(kindOf(await resolve(submission(id, kris), wrong))).toBe('code_refused: wrong');
    expect(await failures()).toBe(1);
    expect(kindOf(await resolve(submission(id, kris), '12345'))).toBe('code_refused: malformed');
    expect(await failures()).toBe(1);
    await stored.rows.query('update flag_promotions.operators set totp_last_step = $1', [STEP]);
    expect(kindOf(await resolve(submission(id, kris), kris.code()))).toBe('code_refused: reused');
    expect(kindOf(await resolve(submission(id, kris), kris.code(-1)))).toBe('code_refused: reused');
    expect(await failures()).toBe(1);
    expect(await operatorRow(kris)).toMatchObject({ totp_last_step: String(STEP), locked_until: null });

    expect(await everything(stored.rows, except)).toEqual(before);
    const events = await auditEvents();
    expect(events.map(({ action, actor, promotion_id }) => ({ action, actor, promotion_id }))).toEqual(
      Array.from({ length: 3 }, () => ({
        action: 'console.flag.promotion.totp_rejected',
        actor: kris.id,
        promotion_id: id,
      })),
    );
    expect(events.map(({ detail }) => detail)).toEqual(
      // The second reused one is counted.
      ['wrong', 'malformed', 'reused'].map((reason) => ({
        attempted: 'completed',
        reason,
        locked_until: null,
      })),
    );
    for (const secret of [wrong, '12345', kris.code(), kris.code(-1)]) {
      expect(JSON.stringify(events.map(({ detail }) => detail))).not.toContain(secret);
    }
  });
});

describe('resolving at once', () => {
  test('two operators over two replicas: one wins, the other is told who did it and when', async () => {
    const other = await enrol(stored.db, 'U0OTHER');
    const replica = stored.replica();
    for (const id of await insertPromotions(stored.rows, 8)) {
      await stored.rows.query('update flag_promotions.operators set totp_last_step = null');
      const outcomes = await Promise.all([
        resolve(submission(id, kris), kris.code()),
        resolve(submission(id, other, { action: 'failed', confirmedContradiction: true }), other.code(), replica),
      ]);
      const winner = outcomes[0].kind === 'resolved' ? kris : other;
      const state = winner === kris ? 'deployed' : 'failed';
      expect(tally(outcomes)).toEqual({ resolved: 1, already_resolved: 1 });
      expect(outcomes.find(({ kind }) => kind === 'already_resolved')).toMatchObject({
        at: NOW,
        byThisRequest: false,
        promotion: { resolvedBy: winner.id, state },
      });
      expect(await promotionRow(id)).toMatchObject({ state, resolved_by: winner.id });
      const steps = await stored.rows.query(
        'select slack_user_id as id from flag_promotions.operators where totp_last_step is not null',
      );
      expect(steps).toEqual([{ id: winner.id }]);
    }
    expect(await stored.rows.query('select id from flag_promotions.audit_log')).toHaveLength(8);
  });

  test('30 operators over 4 replicas: one resolution, one event, 29 are told', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'critical', { channel: CHANNEL, ts: '100.1' });
    const people = await Promise.all(Array.from({ length: 30 }, (_, n) => enrol(stored.db, `U0PERSON${n}`)));
    const replicas = [stored.db, stored.replica(), stored.replica(), stored.replica()];
    const outcomes = await Promise.all(
      people.map((person, n) => resolve(submission(id, person), person.code(), replicas[n % 4])),
    );
    expect(tally(outcomes)).toEqual({ resolved: 1, already_resolved: 29 });
    expect(await auditEvents()).toHaveLength(1);
    const burnt = await stored.rows.query('select 1 from flag_promotions.operators where totp_last_step is not null');
    expect(burnt).toHaveLength(1);
    expect(await replies()).toEqual([{ kind: 'resolved' }]);
  });

  test('the same submission five times over: one resolution, and the others hear that theirs went through', async () => {
    const id = await insertPromotion(stored.rows);
    const replica = stored.replica();
    const outcomes = await Promise.all(
      Array.from({ length: 5 }, (_, n) =>
        resolve(submission(id, kris), kris.code(), n % 2 === 0 ? stored.db : replica),
      ),
    );
    expect(tally(outcomes)).toEqual({ resolved: 1, already_resolved: 4 });
    for (const outcome of outcomes) {
      if (outcome.kind === 'already_resolved') expect(outcome.byThisRequest).toBe(true);
    }
    expect(await auditEvents()).toHaveLength(1);
  });

  test('one code for two promotions: it is good for exactly one of them', async () => {
    const replica = stored.replica();
    const ids = await insertPromotions(stored.rows, 12);
    for (let pair = 0; pair < ids.length; pair += 2) {
      await stored.rows.query('update flag_promotions.operators set totp_last_step = null');
      const outcomes = await Promise.all(
        ids
          .slice(pair, pair + 2)
          .map((id, n) => resolve(submission(id, kris), kris.code(), n === 0 ? stored.db : replica)),
      );
      expect(tally(outcomes)).toEqual({ resolved: 1, 'code_refused: reused': 1 });
    }
    const resolved = await stored.rows.query(`select id from console_flag_promotions where state = 'deployed'`);
    expect(resolved).toHaveLength(6);
  });

  test.each([STEP, STEP - 1])(
    'a step that was used, or an older one, is not stored even if the check lets it pass',
    async (step) => {
      const id = await insertPromotion(stored.rows);
      await stored.rows.query('update flag_promotions.operators set totp_last_step = $1', [STEP]);
      const before = await everything(stored.rows);
      await expect(stored.db.promotions.resolve(submission(id, kris), NOW, accepted(step))).rejects.toThrow(
        'used already',
      );
      expect(await everything(stored.rows)).toEqual(before);
    },
  );

  test('20 wrong codes over 4 replicas: five count, then it is locked, also for the right code and after a restart', async () => {
    const ids = await insertPromotions(stored.rows, 4);
    const replicas = [stored.db, stored.replica(), stored.replica(), stored.replica()];
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        resolve(submission(ids[n % 4] ?? '', kris), kris.wrongCode(), replicas[(n >> 2) % 4]),
      ),
    );
    expect(tally(outcomes)).toEqual({ 'code_refused: wrong': 5, 'code_refused: locked': 15 });
    const lockedUntil = new Date(NOW.getTime() + 15 * 60_000);
    expect(await operatorRow(kris)).toMatchObject({ totp_failed_attempts: 5, locked_until: lockedUntil });
    const counts = outcomes.flatMap((outcome) =>
      outcome.kind === 'code_refused' && outcome.check.kind === 'rejected' ? [outcome.check.failedAttempts] : [],
    );
    expect(counts.sort()).toEqual([1, 2, 3, 4, 5]);
    // Whatever came while it was locked has one event and a counter.
    expect(await auditEvents()).toHaveLength(6);
    expect(await stored.rows.query('select times::int from flag_promotions.denials')).toEqual([{ times: 15 }]);

    const request = submission(ids[0] ?? '', kris);
    expect(await resolve(request, kris.code(), stored.replica())).toEqual({
      kind: 'code_refused',
      check: { kind: 'locked', lockedUntil },
    });
    expect(await promotionRow(ids[0] ?? '')).toMatchObject({ state: 'deploying' });
    expect(await operatorRow(kris)).toMatchObject({ totp_failed_attempts: 5, locked_until: lockedUntil });

    const steps = (15 * 60_000) / 30_000;
    expect(await resolve(request, kris.code(steps), stored.db, lockedUntil)).toMatchObject({ kind: 'resolved' });
    expect(await operatorRow(kris)).toMatchObject({ totp_failed_attempts: 0, locked_until: null });
  });

  test('a person and the promoter: whoever comes second writes nothing', async () => {
    const lease = { owner: 'promoter-1', durationMs: 60_000 };
    const replica = stored.replica();
    const ids = await insertPromotions(stored.rows, 10);
    await stored.rows.query(`update console_flag_promotions set checkpoint = 'INTENT'`);
    for (const id of ids) {
      await stored.rows.query('update flag_promotions.operators set totp_last_step = null');
      expect((await replica.promoting.claimNext(lease)).promotion?.id).toBe(id);
      const [outcome, committed] = await Promise.all([
        resolve(submission(id, kris), kris.code()),
        replica.promoting.commit(id, lease, { state: 'failed', reason: 'the release failed' }, NOW, null),
      ]);
      expect(outcome.kind).toBe(committed ? 'already_resolved' : 'resolved');
      expect(await promotionRow(id)).toMatchObject(
        committed
          ? { state: 'failed', resolved_by: null, deployed_at: null }
          : { state: 'deployed', resolved_by: kris.id, failed_at: null, failure_reason: null },
      );
      expect(await stored.db.audit.ofPromotion(id, 10)).toHaveLength(1);
      expect(await replica.promoting.writePendingCommit(id, lease, RELEASE, NOW)).toBe(false);
      expect(await replica.promoting.renew(id, lease)).toBe(false);
    }
  });
});

describe('linking an RCA', () => {
  const url = 'https://wiki.example/rca';
  const link = (promotionId: string, operatorId: string, to = url) =>
    stored.db.promotions.linkRca({ promotionId, url: to, operatorId, at: NOW });

  test('is open to every enabled operator, also on what has ended; it updates the root and says so in its thread', async () => {
    await enrol(stored.db, 'U0ENGINEER', 'engineer');
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    await stored.rows.query(`update console_flag_promotions set state = 'deployed'`);
    expect(await link(id, 'U0ENGINEER')).toMatchObject({
      kind: 'linked',
      previousUrl: null,
      promotion: { rcaUrl: url },
    });
    expect(await promotionRow(id)).toMatchObject({ rca_url: url, state: 'deployed' });
    const [event] = await stored.rows.query<{ id: string }>(
      `select * from flag_promotions.audit_log where action like '%rca_linked'`,
    );
    expect(event).toMatchObject({ actor: 'U0ENGINEER', promotion_id: id, detail: { url, previous_url: null } });
    expect(await replies('kind, ordinal, state')).toEqual([
      { kind: 'rca_linked', ordinal: event?.id, state: 'pending' },
    ]);
    expect(await stored.db.messages.newest('alert', id)).toMatchObject({ wanted: 1, shown: 0 });
    const writers = await writersOf(stored.rows, ['console_flag_promotions', 'flag_promotions.messages']);
    expect(writers.size).toBe(1);
  });

  test('again keeps the one it replaces in the audit log; the same one again changes nothing', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    await link(id, kris.id);
    const second = 'https://wiki.example/better';
    expect(await link(id, kris.id, second)).toMatchObject({ kind: 'linked', previousUrl: url });
    expect((await auditEvents()).map(({ detail }) => detail)).toEqual([
      { url, previous_url: null },
      { url: second, previous_url: url },
    ]);
    expect(await replies()).toHaveLength(2);
    const before = await everything(stored.rows);
    expect(await link(id, kris.id, second)).toMatchObject({ kind: 'unchanged', promotion: { rcaUrl: second } });
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('ten at once: each replaces the one before it, none is lost from the audit log', async () => {
    const id = await insertPromotion(stored.rows);
    const replica = stored.replica();
    const urls = Array.from({ length: 10 }, (_, n) => `https://wiki.example/${n}`);
    await Promise.all(
      urls.map((to, n) =>
        (n % 2 === 0 ? stored.db : replica).promotions.linkRca({
          promotionId: id,
          url: to,
          operatorId: kris.id,
          at: NOW,
        }),
      ),
    );
    const details = (await stored.db.audit.ofPromotion(id, 20)).map(({ detail }) => detail);
    expect(details.map((detail) => detail['url']).sort()).toEqual(urls);
    const chain = details.map((detail) => detail['previous_url']);
    expect(chain).toEqual([null, ...details.slice(0, -1).map((detail) => detail['url'])]);
    expect(await promotionRow(id)).toMatchObject({ rca_url: details.at(-1)?.['url'] });
  });

  test.each(['nobody of ours', 'a disabled operator'])('is refused to %s, with an event and no change', async (who) => {
    const id = await insertPromotion(stored.rows);
    if (who === 'a disabled operator') {
      await enrol(stored.db, 'U0OTHER');
      await stored.db.operators.disable('U0OTHER', NOW);
    }
    const except = ['flag_promotions.audit_log'] as const;
    const before = await everything(stored.rows, except);
    expect(await link(id, 'U0OTHER')).toEqual({ kind: 'not_operator' });
    expect(await link('4711', 'U0OTHER')).toEqual({ kind: 'not_operator' });
    expect(await everything(stored.rows, except)).toEqual(before);
    expect(await auditEvents()).toMatchObject([
      { action: 'console.flag.promotion.denied', actor: 'U0OTHER', promotion_id: id },
    ]);
    expect(await stored.rows.query('select times from flag_promotions.denials')).toEqual([{ times: 2 }]);
  });

  test('to a promotion that is not there writes nothing', async () => {
    const before = await everything(stored.rows);
    expect(await link('4711', kris.id)).toEqual({ kind: 'unknown_promotion' });
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('writes nothing if its audit event cannot be written', async () => {
    const id = await insertPromotion(stored.rows);
    await postAlert(stored, id, 'warning', { channel: CHANNEL, ts: '100.1' });
    await breakAuditLog(stored.rows);
    const before = await everything(stored.rows);
    await expect(link(id, kris.id)).rejects.toThrow('the audit log is broken');
    expect(await everything(stored.rows)).toEqual(before);
  });

  test('does not move the time at which the console ended a promotion', async () => {
    const ended = '2026-05-09T20:00:00Z';
    const id = await insertPromotion(stored.rows, { state: 'cancelled', updated_at: ended });
    await link(id, kris.id);
    const outcome = await resolve(submission(id, kris), kris.code());
    expect(outcome).toMatchObject({ kind: 'already_resolved', at: new Date(ended) });
  });
});

describe('reading', () => {
  const at = (hour: number) => new Date(Date.UTC(2026, 4, 9, hour));

  test('stuck: by the stuck clock, which is promoted, else marked, else created; the limit itself included', async () => {
    const insert = (flag: string, columns: Record<string, unknown>) =>
      insertPromotion(stored.rows, { flag_key: flag, promoted_at: null, marked_at: null, ...columns });
    const created = await insert('a', { created_at: at(6) });
    const promoted = await insert('b', { created_at: at(1), marked_at: at(2), promoted_at: at(8) });
    const marked = await insert('c', { created_at: at(1), marked_at: at(7) });
    await insert('d', { promoted_at: at(9), marked_at: at(1) });
    await insert('e', { promoted_at: at(1), state: 'deployed' });
    await insert('f', { promoted_at: at(1), state: 'marked' });

    const page = (offset: number, limit: number) => stored.db.promotions.stuck(at(8), { offset, limit });
    const idsOf = (found: { rows: readonly { id: string }[] }) => found.rows.map(({ id }) => id);
    const all = await page(0, 10);
    expect(all.total).toBe(3);
    expect(idsOf(all)).toEqual([created, marked, promoted]);
    expect(idsOf(await page(1, 1))).toEqual([marked]);
    expect(await page(3, 5)).toEqual({ total: 3, rows: [] });
    const gathered = await stored.db.alerts.gather(at(8));
    expect(gathered.stuck.map(({ promotion }) => promotion.id)).toEqual([created, marked, promoted]);
    expect(gathered.deploying).toBe(4);
    expect(await stored.db.promotions.deploying()).toMatchObject({ total: 4, oldest: { id: created } });
  });

  test('list: the newest first, page after page, none twice and none missing', async () => {
    const ids = await insertPromotions(stored.rows, 7);
    const seen: string[] = [];
    for (let beforeId: string | null = null; ; ) {
      const page = await stored.db.promotions.list({ beforeId, limit: 3 });
      seen.push(...page.map(({ id }) => id));
      beforeId = page.at(-1)?.id ?? null;
      if (beforeId === null) break;
    }
    expect(seen).toEqual([...ids].reverse());
  });

  test('find and newestOf answer null for what is not there, and the newest for what is there twice', async () => {
    const first = await insertPromotion(stored.rows, { state: 'deployed' });
    const second = await insertPromotion(stored.rows);
    expect(await stored.db.promotions.newestOf('console_heroku_log_drain_alerting')).toMatchObject({ id: second });
    expect(await stored.db.promotions.newestOf('no_such')).toBeNull();
    expect(await stored.db.promotions.newestOf(`' or 1=1 --`)).toBeNull();
    expect(await stored.db.promotions.find(first)).toMatchObject({ state: 'deployed' });
    expect(await stored.db.promotions.find('999999999999999999')).toBeNull();
  });

  test('ids beyond what a JavaScript number holds survive', async () => {
    const id = await insertPromotion(stored.rows, { id: '9007199254740993' });
    expect(id).toBe('9007199254740993');
    expect((await stored.db.promotions.find(id))?.id).toBe(id);
    expect(await resolve(submission(id, kris), kris.code())).toMatchObject({ kind: 'resolved', promotion: { id } });
    expect(await stored.db.audit.ofPromotion(id, 5)).toMatchObject([{ promotionId: id }]);
  });

  test('overview: a promotion with its alerts and who is on it, as each is read by itself, at one moment', async () => {
    expect(await stored.db.promotions.overview('4711')).toBeNull();
    const bare = await insertPromotion(stored.rows);
    expect(await stored.db.promotions.overview(bare)).toEqual({
      promotion: await stored.db.promotions.find(bare),
      alerts: [],
      attention: null,
      undelivered: [],
      asOf: expect.any(Date),
    });
    const id = await insertPromotion(stored.rows, { id: '9007199254740993', flag_key: 'other' });
    await stored.rows.query(`alter table flag_promotions.alerts alter column id restart with 9007199254740995`);
    await openAlert(stored, id, 'warning');
    await stored.rows.query('update flag_promotions.alerts set closed_at = clock_timestamp()');
    await openAlert(stored, id, 'critical');
    await stored.db.attention.take({ promotionId: id, operatorId: 'U0KRIS', at: NOW, over: null });
    const overview = await stored.db.promotions.overview(id);
    expect(overview).toMatchObject({ attention: { ownership: { owner: 'U0KRIS' } } });
    expect(overview?.alerts).toHaveLength(1);
    expect(overview).toEqual({
      promotion: await stored.db.promotions.find(id),
      alerts: await stored.db.alerts.ofPromotion(id),
      attention: await stored.db.attention.of(id),
      undelivered: [],
      asOf: expect.any(Date),
    });
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, null);
    expect((await stored.db.promotions.overview(id))?.alerts).toEqual(await stored.db.alerts.ofPromotion(id));
  });

  test('withoutRca: the newest that alerted and have none', async () => {
    const [quiet, linked, first, second] = await insertPromotions(stored.rows, 4);
    for (const id of [linked, first, second]) await openAlert(stored, id ?? '', 'warning');
    await stored.rows.query(`update console_flag_promotions set rca_url = 'https://x.example' where id = $1`, [linked]);
    const found = (await stored.db.promotions.withoutRca(10)).map(({ id }) => id);
    expect(found).toEqual([second, first]);
    expect(found).not.toContain(quiet);
    expect(await stored.db.promotions.withoutRca(1)).toHaveLength(1);
  });

  test('lastEnded: the one that ended last, even if it is not the newest row', async () => {
    expect(await stored.db.promotions.lastEnded()).toBeNull();
    const old = await insertPromotion(stored.rows, { flag_key: 'a', state: 'failed', failed_at: at(12) });
    await insertPromotion(stored.rows, { flag_key: 'b', state: 'deployed', deployed_at: at(11) });
    await insertPromotion(stored.rows, { flag_key: 'c' });
    expect(await stored.db.promotions.lastEnded()).toMatchObject({ id: old });
  });
});
