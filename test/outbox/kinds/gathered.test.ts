import type { NewAuditEvent } from '../../../src/db/audit.js';
import type { Sources } from '../../../src/outbox/kind.js';
import { markOfHomes } from '../../../src/outbox/kinds/home.js';
import { KINDS } from '../../../src/outbox/kinds/index.js';
import type { Evidence } from '../../../src/promotions/evidence.js';
import { REFRESH_EVERY_MS, REFRESH_SOON_MS } from '../../../src/promotions/evidence-refresh.js';
import type { MessageKind, OutboxMessage } from '../../../src/promotions/messages.js';
import {
  enrol,
  insertPromotion,
  LIVE,
  later,
  NOT_LIVE,
  NOW,
  openAlert,
  type Stored,
  startStored,
  stopClock,
} from '../../support/rows.js';
import { sourcesOf } from '../bed.js';
import { message, textOf } from './make.js';

/* What each kind reads from its rows, and where it goes. The other tests here cover what it shows. */

const APP = 'raxx-console-prod';
const FLAG = 'console_heroku_log_drain_alerting';
const MENTION = '<!subteam^S0RAXX>';
const THREAD = { channel: 'C0ALERTS', ts: '100.1' };
const ROOT = { id: '99', state: 'posted' as const, message: THREAD, shownAs: 'warning' };
const inThread = (broadcast: boolean) => ({ to: 'thread', thread: THREAD, broadcast });

let stored: Stored;
let id: string;
let asked: string[];
let sources: Sources;
let answer: Evidence;

beforeEach(async () => {
  stored = await startStored();
  await stopClock(stored, NOW);
  id = await insertPromotion(stored.rows);
  asked = [];
  answer = LIVE;
  sources = {
    ...sourcesOf(stored.db, 'C0ALERTS'),
    slack: { nameOf: async (userId) => `name of ${userId}` },
    routeOf: (app) => ({ channel: `C-${app}`, mention: app === APP ? MENTION : null, page: null, quiet: null }),
    readEvidence: async (promotion, deadlineMs) => {
      asked.push(`${promotion.id} within ${deadlineMs}`);
      return answer;
    },
    readEvidenceOfMany: async (promotions, deadlineMs) => {
      asked.push(`${promotions.map((one) => one.id).join()} within ${deadlineMs}`);
      return new Map(promotions.map((one) => [one.id, answer]));
    },
    drawChart: async () => ({ content: Buffer.from('bars'), altText: 'bars' }),
  };
});
afterEach(() => stored.close());

/** A message about the promotion as shown, and where; null if there is nothing to say. */
async function gathered(kind: MessageKind, changes: Partial<OutboxMessage> = {}, isNew = true) {
  const about = message({ kind, promotionId: id, subject: id, root: ROOT, ...changes });
  const prepared = await KINDS[kind].prepare(about, sources);
  if (prepared === null) return null;
  const shown = prepared.show({ message: about, isNew, refused: null });
  return { place: prepared.place, says: textOf(shown) ?? '', as: shown?.as };
}

async function audited(event: Partial<NewAuditEvent>): Promise<string> {
  await stored.db.audit.append({
    at: NOW,
    action: 'console.flag.promotion.taken',
    actor: 'U0MINA',
    promotionId: id,
    detail: {},
    ...event,
  });
  const [newest] = await stored.db.audit.ofPromotion(id, 1);
  return newest?.id ?? '';
}
const vanish = () =>
  stored.rows.query('update flag_promotions.alerts set vanished_at = $1 where promotion_id = $2', [NOW, id]);
const deleteRow = () => stored.rows.query('delete from console_flag_promotions where id = $1', [id]);

/** Each reports what an audit event says of a promotion. */
const OF_AN_EVENT = ['owner_asked', 'owner_lost', 'taken_over', 'released', 'snooze_ended', 'verdict_changed'] as const;
const ABOUT_A_PROMOTION = [
  'alert',
  'escalation',
  'repeat',
  'resolved',
  ...OF_AN_EVENT,
  'rca_reminder',
  'progress',
] as const;

test.each(ABOUT_A_PROMOTION)('%s has nothing to say of a promotion that is not there', async (kind) => {
  const ordinal = await audited({ detail: { owner: 'U0KRIS', from: 'unknown', to: 'live' } });
  expect(await gathered(kind, { promotionId: '404', ordinal })).toBeNull();
  expect(await gathered(kind, { promotionId: null, ordinal })).toBeNull();
});

test.each([...OF_AN_EVENT, 'rca_linked'] as const)('%s has nothing to say without its audit event', async (kind) => {
  expect(await gathered(kind, { ordinal: '404' })).toBeNull();
});

test.each(['crashed', 'drifted', 'warned'] as const)('%s has nothing to say of what is not there', async (kind) => {
  expect(await gathered(kind, { promotionId: '404' })).toBeNull();
  expect(await gathered(kind, { promotionId: null })).toBeNull();
  if (kind !== 'warned') expect(await gathered(kind)).toBeNull();
});

describe('without a pager or a webhook', () => {
  const outside = { root: null, subject: '404', promotionId: null };

  test.each(['page', 'drill_page', 'slack_page'] as const)(
    '%s goes nowhere, unless it may have rung before: then it is ended there',
    async (kind) => {
      expect(await gathered(kind, outside)).toMatchObject({ place: null, says: '' });
      expect(await gathered(kind, { ...outside, channel: 'pager' })).toMatchObject({
        place: { to: 'pager', routingKey: null },
        as: 'resolved',
      });
    },
  );

  test('an event goes nowhere, and one of another version that can’t be read is left out', async () => {
    const detail = { event: { type: 'alert.opened' } };
    sources = { ...sources, sendsWebhooks: false };
    expect(await gathered('webhook', { ...outside, detail })).toMatchObject({ place: null });
    expect(await gathered('webhook', { ...outside, detail: {} })).toBeNull();
    sources = { ...sources, sendsWebhooks: true };
    expect(await gathered('webhook', { ...outside, detail })).toMatchObject({ place: { to: 'webhook' } });
  });
});

test.each(['drill', 'drill_ended'] as const)('%s of a drill that is gone has nothing to say', async (kind) => {
  expect(await gathered(kind, { subject: '404', promotionId: null, root: null })).toBeNull();
});

describe('an alert', () => {
  test('goes to its app’s channel and mentions whom a critical does, with what Heroku says', async () => {
    await openAlert(stored, id, 'critical');
    const shown = await gathered('alert');
    expect(shown).toMatchObject({ place: { to: 'channel', route: `C-${APP}` }, as: 'critical' });
    expect(shown?.says).toContain(MENTION);
    expect(shown?.says).toContain('It IS live');
    expect(asked).toEqual([`${id} within 3000`]);
  });

  test.each([
    ['critical', LIVE, REFRESH_EVERY_MS.critical],
    ['warning', NOT_LIVE, REFRESH_EVERY_MS.warning],
    ['critical', { kind: 'unavailable', checkedAt: NOW, reason: 'no_answer' }, REFRESH_SOON_MS],
  ] as const)('that is a %s keeps %j, and has Heroku asked again in %d ms', async (severity, evidence, ms) => {
    await openAlert(stored, id, severity);
    answer = evidence;
    await gathered('alert');
    await gathered('alert');
    expect(asked).toHaveLength(1);
    expect(
      await stored.rows.query(
        `select evidence->>'kind' as kind, evidence_due_at as due from flag_promotions.alerts where promotion_id = $1`,
        [id],
      ),
    ).toEqual([{ kind: evidence.kind, due: later(ms) }]);
    // The very message that asked shows it: none has to be updated.
    expect((await stored.db.messages.newest('alert', id))?.wanted).toBe(0);
  });

  test('keeps nothing if nobody is there to be asked', async () => {
    await openAlert(stored, id, 'critical');
    answer = { kind: 'unavailable', checkedAt: NOW, reason: 'not_configured' };
    await gathered('alert');
    await gathered('alert');
    expect(asked).toHaveLength(2);
  });

  test('of a promotion that ended asks nobody', async () => {
    await openAlert(stored, id, 'critical');
    await stored.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $1`, [NOW]);
    expect((await gathered('alert', {}, false))?.says).toContain('ended as *completed*');
    expect(asked).toEqual([]);
  });

  test.each([
    ['a person', 'U0MINA', NOW, 'name of U0MINA'],
    ['the watchdog', 'watchdog', NOW, null],
    ['the promoter', 'promoter', NOW, null],
    ['a person, in an earlier life of the row', 'U0MINA', new Date('2026-05-09T04:27:59Z'), undefined],
    ['a person, as it began', 'U0MINA', new Date('2026-05-09T04:28:00Z'), 'name of U0MINA'],
  ])('of what %s had ended says so', async (_who, actor, at, name) => {
    await openAlert(stored, id, 'critical');
    await audited({ at, actor, action: 'console.flag.promotion.ops_complete' });
    const says = (await gathered('alert'))?.says ?? '';
    expect(says.includes('*Reopened.*')).toBe(name !== undefined);
    expect(says.includes('name of')).toBe(typeof name === 'string');
  });

  test.each(['alert', 'escalation', 'repeat', 'resolved'] as const)(
    '%s of a row that vanished names it',
    async (kind) => {
      await openAlert(stored, id, 'critical');
      await deleteRow();
      expect(await gathered(kind, {}, kind === 'resolved')).toBeNull();
      await vanish();
      const shown = await gathered(kind, {}, kind === 'resolved');
      expect(shown?.says).toContain(FLAG);
      expect(shown?.place).toEqual(
        kind === 'alert' ? { to: 'channel', route: `C-${APP}` } : inThread(kind === 'escalation'),
      );
    },
  );
});

test.each(['escalation', 'repeat', 'warned'] as const)(
  '%s isn’t posted any more once its row vanished, but what was posted says so',
  async (kind) => {
    await openAlert(stored, id, 'critical');
    await deleteRow();
    await vanish();
    expect(await gathered(kind, {}, true)).toMatchObject({ says: '' });
    expect((await gathered(kind, {}, false))?.says).toContain(FLAG);
  },
);

test('that several were completed together is said once', async () => {
  const detail = { operator: 'U0KRIS', promotions: [id] };
  const reply = { subject: '5', promotionId: null, detail };
  expect((await gathered('completed_together', reply))?.says).toContain('name of U0KRIS');
  expect((await gathered('completed_together', reply, false))?.says).toBe('');
});

describe('a reply about an open alert', () => {
  const REPLIES = [
    ['escalation', true],
    ['repeat', true],
    ['owner_lost', true],
    ['snooze_ended', true],
    ['released', false],
  ] as const;
  const event = () => audited({ detail: { owner: 'U0KRIS', reason: 'silent' } });

  test.each(REPLIES)('%s mentions people of a critical; in the channel too: %s', async (kind, broadcast) => {
    await openAlert(stored, id, 'critical');
    const shown = await gathered(kind, { ordinal: await event() });
    expect(shown?.place).toEqual(inThread(broadcast));
    expect(shown?.says).toContain(MENTION);
  });

  test.each(REPLIES)('%s stays in its thread if that is wanted, or if there is none, nowhere', async (kind) => {
    await openAlert(stored, id, 'critical');
    sources = { ...sources, broadcastCriticals: false };
    const ordinal = await event();
    expect((await gathered(kind, { ordinal }))?.place).toEqual(inThread(false));
    expect((await gathered(kind, { ordinal, root: null }))?.place).toBeNull();
    expect((await gathered(kind, { ordinal, root: { ...ROOT, message: null } }))?.place).toBeNull();
  });

  test.each(['owner_lost', 'snooze_ended', 'released'] as const)('%s mentions nobody of a warning', async (kind) => {
    await openAlert(stored, id, 'warning');
    const shown = await gathered(kind, { ordinal: await event() });
    expect(shown?.place).toEqual(inThread(false));
    expect(shown?.says).not.toContain(MENTION);
  });

  test.each(['owner_lost', 'snooze_ended', 'released'] as const)('%s mentions nobody of a group', async (kind) => {
    const alerts = [{ promotionId: id, severity: 'critical' as const }];
    await stored.db.groups.open({ channel: 'C0ALERTS', notBefore: null, alerts }, NOW);
    const shown = await gathered(kind, { ordinal: await event() });
    expect(shown?.place).toEqual(inThread(false));
    expect(shown?.says).not.toContain(MENTION);
  });

  test('about a critical that was closed mentions nobody', async () => {
    await openAlert(stored, id, 'critical');
    await stored.rows.query('update flag_promotions.alerts set closed_at = $1', [NOW]);
    expect((await gathered('owner_lost', { ordinal: await event() }))?.says).not.toContain(MENTION);
  });

  test('names who acted, and from whom', async () => {
    await openAlert(stored, id, 'warning');
    const ordinal = await audited({ detail: { from: 'U0KRIS' } });
    const shown = await gathered('taken_over', { ordinal });
    expect(shown?.says).toContain('name of U0MINA');
    expect(shown?.says).toContain('U0KRIS');
    expect((await gathered('released', { ordinal }))?.says).toContain('name of U0MINA');
    expect((await gathered('taken_over', { ordinal: await audited({ detail: {} }) }))?.says).toBe('');
  });

  test('asks the owner whom the event names, and names them once they answered', async () => {
    await openAlert(stored, id, 'critical');
    const ordinal = await audited({ detail: { owner: 'U0KRIS' } });
    const shown = await gathered('owner_asked', { ordinal }, false);
    expect(shown).toMatchObject({ place: inThread(false) });
    expect(shown?.says).toContain('name of U0KRIS');
  });
});

describe('another verdict', () => {
  const changed = (detail: Record<string, unknown> = { from: 'not_live', to: 'live' }) => audited({ detail });
  const store = async (evidence: Evidence) => {
    const promotion = await stored.db.promotions.find(id);
    if (promotion === null) throw new Error('The promotion is not there.');
    await stored.db.evidence.store([{ promotion, evidence, againAfterMs: null }], { announce: false });
  };
  beforeEach(() => openAlert(stored, id, 'critical'));

  test('is said in the thread while it is so, or while nobody knows', async () => {
    const ordinal = await changed();
    expect(await gathered('verdict_changed', { ordinal })).toMatchObject({
      place: inThread(false),
      says: expect.stringContaining('not live'),
    });
    await store(LIVE);
    expect((await gathered('verdict_changed', { ordinal }))?.says).not.toBe('');
  });

  test('is not said once it is another, or once the promotion ended', async () => {
    const ordinal = await changed();
    await store(NOT_LIVE);
    expect((await gathered('verdict_changed', { ordinal }))?.says).toBe('');
    await store(LIVE);
    await stored.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $1`, [NOW]);
    expect((await gathered('verdict_changed', { ordinal }))?.says).toBe('');
  });

  test.each([{ from: 'live' }, { to: 'live' }, { from: 1, to: 'live' }])(
    'is not said of an event with %j',
    async (detail) => {
      expect(await gathered('verdict_changed', { ordinal: await changed(detail) })).toBeNull();
    },
  );
});

describe('the end of a promotion', () => {
  beforeEach(async () => {
    await openAlert(stored, id, 'critical');
    await stored.rows.query(`update console_flag_promotions set state = 'deployed', deployed_at = $1`, [NOW]);
  });

  test('is told in the thread, with the name of who ended it if somebody did', async () => {
    expect((await gathered('resolved'))?.place).toEqual(inThread(false));
    expect((await gathered('resolved'))?.says).not.toContain('name of');
    await stored.rows.query(`update console_flag_promotions set resolved_by = 'U0MINA'`);
    expect((await gathered('resolved'))?.says).toContain('name of U0MINA');
  });

  test('brings a reminder of its RCA into the thread', async () => {
    const shown = await gathered('rca_reminder');
    expect(shown).toMatchObject({ place: inThread(false), says: expect.stringContaining('RCA') });
  });
});

describe('an RCA that was linked', () => {
  const url = 'https://docs.example.com/rca/2';

  test('is told in the thread, with who linked it and which one it replaces', async () => {
    const shown = await gathered('rca_linked', {
      ordinal: await audited({ detail: { url, previous_url: 'https://x.example/1' } }),
    });
    expect(shown?.place).toEqual(inThread(false));
    for (const word of [url, 'name of U0MINA', 'https://x.example/1']) expect(shown?.says).toContain(word);
    const first = await gathered('rca_linked', { ordinal: await audited({ detail: { url, previous_url: null } }) });
    expect(first?.says).toContain(url);
    expect(first?.says).not.toContain('null');
  });

  test('is not told where the event names none', async () => {
    expect(await gathered('rca_linked', { ordinal: await audited({ detail: {} }) })).toBeNull();
  });
});

describe('progress', () => {
  test('goes to its app’s channel, with the release that Heroku took it in and the drift that was noticed', async () => {
    const noticed = { drift_noticed_at: '2026-05-10T05:00:00.000Z' };
    const plain = await gathered('progress');
    expect(plain).toMatchObject({ place: { to: 'channel', route: `C-${APP}` }, as: 'deploying' });
    await audited({
      action: 'console.flag.promotion.heroku_patched',
      actor: 'promoter',
      detail: { release_version: 143 },
    });
    await stored.rows.query(`update console_flag_promotions set checkpoint = 'PENDING_COMMIT:'`);
    expect((await gathered('progress'))?.says).toContain('v143');
    expect((await gathered('progress', { detail: noticed }))?.says).toContain('05:00');
  });

  test('of a row that vanished is named by what the message kept', async () => {
    await deleteRow();
    const detail = { flag_key: FLAG, heroku_app: APP };
    const shown = await gathered('progress', { detail, shownAs: 'deploying' }, false);
    expect(shown).toMatchObject({ place: { to: 'channel', route: `C-${APP}` }, as: 'vanished' });
    expect(shown?.says).toContain(FLAG);
    expect((await gathered('progress', { detail, shownAs: 'deployed' }, false))?.says).toBe('');
    expect((await gathered('progress', { detail, shownAs: 'deploying' }))?.says).toBe('');
    expect(await gathered('progress', { detail: { flag_key: FLAG } }, false)).toBeNull();
    expect(await gathered('progress', { detail: { heroku_app: APP } }, false)).toBeNull();
  });
});

describe('a digest', () => {
  const detail = { due_at: NOW.toISOString() };

  test('goes to the alert channel, with the week until it was due and what is stuck now', async () => {
    const shown = await gathered('digest', { detail });
    expect(shown?.place).toEqual({ to: 'channel', route: 'C0ALERTS' });
    expect(shown?.says).toContain('1 promoted');
    expect(shown?.says).toContain('1 promotion is stuck now');
    const before = { due_at: '2026-05-09T04:00:00.000Z' };
    expect((await gathered('digest', { detail: before }))?.says).toBe('');
    await stopClock(stored, new Date('2026-05-09T05:00:00Z'));
    expect((await gathered('digest', { detail: before }))?.says).toContain('Nothing was promoted');
    expect((await gathered('digest', { detail: before }))?.says).toContain('Nothing is stuck now');
  });

  test('has a chart in its thread, if anything was promoted, and in time', async () => {
    const shown = await gathered('digest_chart', { detail });
    expect(shown?.place).toEqual(inThread(false));
    expect(shown?.says).toContain('"name":"promotions-2026-05-10-7d.png"');
    expect(shown?.says).toContain('"title":"Promotions of the last 7d"');
    await stopClock(stored, later(25 * 3_600_000));
    expect((await gathered('digest_chart', { detail }))?.says).toBe('');
    await deleteRow();
    await stopClock(stored, NOW);
    expect((await gathered('digest_chart', { detail }))?.says).toBe('');
  });

  test('that was queued without its time is a fault', async () => {
    await expect(gathered('digest')).rejects.toThrow('without its time');
  });
});

describe('an enrolment', () => {
  const enrolled = async (state: string, reason: string | null) => {
    const [row] = await stored.rows.query<{ id: string }>(
      `insert into flag_promotions.enrolments
         (token_hash, slack_user_id, role, purpose, invited_by, state, end_reason, totp_secret_encrypted, expires_at)
       values ('x', 'U0NEW', 'engineer', 'add', 'U0KRIS', $1, $2, $3, $4) returning id`,
      [state, reason, state === 'proved' ? 'sealed' : null, later(60_000)],
    );
    return row?.id ?? '';
  };

  test('asks whoever had the link sent for the word, and tells its person', async () => {
    const subject = await enrolled('proved', null);
    const asked = await gathered('confirm_enrolment', { subject });
    expect(asked?.place).toEqual({ to: 'person', userId: 'U0KRIS' });
    expect(asked?.says).toContain('U0NEW');
    const told = await gathered('link_used', { subject });
    expect(told?.place).toEqual({ to: 'person', userId: 'U0NEW' });
    expect(told?.says).toContain('U0KRIS');
  });

  test('that is activated is told to its person', async () => {
    const shown = await gathered('enrolment_ended', { subject: await enrolled('activated', null) });
    expect(shown?.place).toEqual({ to: 'person', userId: 'U0NEW' });
    expect(shown?.says).toContain('You are an engineer now');
  });
});

describe('a group', () => {
  const opened = async (...promotionIds: readonly string[]) => {
    const alerts = promotionIds.map((promotionId) => ({ promotionId, severity: 'critical' as const }));
    await stored.db.groups.open({ channel: 'C0ALERTS', notBefore: null, alerts }, NOW);
    return (await stored.db.messages.newest('group', 'C0ALERTS'))?.id ?? '';
  };

  test('goes to its channel, with what Heroku says of each: asked once for all, and kept', async () => {
    const other = await insertPromotion(stored.rows, { flag_key: 'other', heroku_app: 'shop' });
    const group = await opened(id, other);
    for (const _ of ['new', 'again']) {
      const shown = await gathered('group', { id: group, subject: 'C0ALERTS' });
      expect(shown?.place).toEqual({ to: 'channel', route: 'C0ALERTS' });
      expect(shown?.says).toContain('2 live');
    }
    expect(asked).toEqual([`${id},${other} within 3000`]);
  });

  test('that grew asks Heroku only about those that joined it', async () => {
    const group = await opened(id);
    await gathered('group', { id: group, subject: 'C0ALERTS' });
    const joined = await insertPromotion(stored.rows, { flag_key: 'joined' });
    expect(await opened(joined)).toBe(group);
    answer = NOT_LIVE;
    for (const _ of ['new', 'again']) {
      const shown = await gathered('group', { id: group, subject: 'C0ALERTS' });
      expect(shown?.says).toContain('1 live, 1 not live');
    }
    expect(asked).toEqual([`${id} within 3000`, `${joined} within 3000`]);
  });

  test('says of how many Heroku told nothing', async () => {
    sources = { ...sources, readEvidenceOfMany: async () => new Map() };
    const shown = await gathered('group', { id: await opened(id), subject: 'C0ALERTS' });
    expect(shown?.says).toContain('not known');
  });

  test('names its criticals in the thread, and mentions whom their apps mention, each once', async () => {
    const another = await insertPromotion(stored.rows, { flag_key: 'another' });
    const other = await insertPromotion(stored.rows, { flag_key: 'other', heroku_app: 'shop' });
    const promotionIds = [id, another, other];
    const groupId = await opened(...promotionIds);
    await stored.db.groups.nameCriticals({ kind: 'name_criticals', groupId, ordinal: 1, promotionIds });
    const naming = await stored.db.messages.newest('group_criticals', groupId);
    const shown = await gathered('group_criticals', { id: naming?.id ?? '', subject: groupId });
    expect(shown?.place).toEqual(inThread(true));
    expect(shown?.says.split(MENTION)).toHaveLength(3);
    for (const flag of [FLAG, 'another', 'other']) expect(shown?.says).toContain(flag);
  });
});

describe('a home tab', () => {
  test('is its person’s, and shows what is stuck, running, ended and without an RCA', async () => {
    await insertPromotion(stored.rows, { flag_key: 'fresh', promoted_at: later(-60_000) });
    await openAlert(stored, id, 'critical');
    const shown = await gathered('home', { subject: 'U0KRIS' });
    expect(shown?.place).toEqual({ to: 'home', userId: 'U0KRIS' });
    for (const word of [FLAG, 'fresh']) expect(shown?.says).toContain(word);
    // Nothing changed: it isn't published again.
    const again = await gathered('home', { subject: 'U0KRIS', shownAs: shown?.as ?? null });
    expect(again?.as).toBe(shown?.as);
  });

  test('has to be looked at again once what the tabs show, or who may see it, is another', async () => {
    const marks = [await markOfHomes(sources)];
    expect(await markOfHomes(sources)).toBe(marks[0]);
    await enrol(stored.db, 'U0MINA', 'engineer');
    marks.push(await markOfHomes(sources));
    await insertPromotion(stored.rows, { flag_key: 'another' });
    marks.push(await markOfHomes(sources));
    expect(new Set(marks).size).toBe(3);
  });
});
