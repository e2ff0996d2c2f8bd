import type { Person } from '../../demo/slack/person.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { linesUnder } from '../support/reference.js';

/* Everything in a group that is proven live, completed by one code. */

const OWN = 1;
const GROUPED = 60;
const TOTAL = OWN + GROUPED;
/** More than are asked about one by one. */
const MANY = 130;
const VARS = Object.fromEntries(Array.from({ length: MANY }, (_, n) => [`FLAG_FLAG_${n + 1}`, 'true']));

let bed: TestBed;
beforeEach(async () => {
  bed = await startTestBed({
    startAt: '2026-05-09T17:00:00Z',
    databaseClockStands: true,
    rateLimit: false,
    environment: { ALERT_MESSAGES_PER_HOUR: String(OWN), SECOND_PERSON: 'guarded-*' },
    vars: VARS,
  });
});
afterEach(() => bed.close());

async function insert(count: number, more: { readonly promotedBy?: string } = {}): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let n = 1; n <= count; n += 1) {
    const promotedAt = new Date(Date.parse('2026-05-09T04:28:00Z') + n * 1_000).toISOString();
    ids.push(await bed.rows.insertDeploying({ flagKey: `flag_${n}`, promotedAt, ...more, isAnnounced: n === count }));
  }
  await bed.app.tick();
  return ids;
}
const channel = () => bed.slack.messages(bed.slack.channels.alerts);
async function group() {
  const found = (await channel()).find(
    (message) => message.threadTs == null && /promotions? (?:are|is) stuck|All ended/u.test(message.text),
  );
  return found ?? Promise.reject(new Error('There is no group.'));
}
async function clickIt(person: Person) {
  await person.click(await group(), 'group_page');
  const list = await person.waitForEphemeral(({ blocks }) => JSON.stringify(blocks).includes('complete_live'));
  await person.click(list, 'complete_live');
}
async function openForm(person: Person) {
  await clickIt(person);
  return person.waitForModal(({ callbackId }) => callbackId === 'completion', 20_000);
}
const states = () =>
  bed.rows.query<{ state: string; n: number }>(
    'select state, count(*)::int as n from console_flag_promotions group by state order by state',
  );
const completions = () =>
  bed.rows.query<{ promotion_id: string; actor: string; detail: Record<string, unknown> }>(
    `select promotion_id, actor, detail from flag_promotions.audit_log
      where action = 'console.flag.promotion.ops_complete' order by id`,
  );
const textOf = (shown: unknown) => JSON.stringify(shown);

test('sixty live: the form lists fifty, one code completes exactly what is still so, and the rest is named', async () => {
  const ids = await insert(TOTAL);
  const { superadmin } = bed.slack.people;
  const form = await openForm(superadmin);
  const shown = textOf(form.blocks);
  expect(shown).toContain('these *50 promotions*');
  expect(shown).toContain('*10 more* are live. One code completes 50');
  expect(form.blocks.filter((block) => textOf(block).includes('· promotion '))).toHaveLength(50);
  expect(form.privateMetadata.length).toBeLessThan(3_000);
  // flag_1 has an individual alert; the oldest fifty of the group are listed.
  expect(shown).toContain('`flag_2`');
  expect(shown).toContain('`flag_51`');
  expect(shown).not.toContain('`flag_52`');

  bed.heroku.setVar(APP, 'FLAG_FLAG_5', 'false');
  await bed.rows.query(`update console_flag_promotions set promoted_by = 'somebody else' where id = $1`, [ids[5]]);
  await bed.rows.query(
    `update console_flag_promotions set state = 'failed', failed_at = now(), resolved_by = 'console' where id = $1`,
    [ids[6]],
  );
  await bed.rows.query('delete from console_flag_promotions where id = $1', [ids[7]]);

  const outcome = await superadmin.submit({ code: bed.code(superadmin.id) });
  expect(outcome.kind).not.toBe('errors');
  const result = textOf((await superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('Saved'))).blocks);
  expect(result).toContain('46 promotions are completed');
  expect(result).toContain('Left out, and not changed: 4');
  expect(result).toMatch(/`flag_5` on `raxx-console-prod` · promotion \d+: Heroku’s answer changed meanwhile/u);
  expect(result).toMatch(/`flag_6` on `raxx-console-prod` · promotion \d+: changed meanwhile/u);
  expect(result).toMatch(/`flag_7` on `raxx-console-prod` · promotion \d+: has ended meanwhile \(`console`\)/u);
  expect(result).toContain(`Promotion ${ids[7]}: no longer in the database`);

  expect(await states()).toEqual([
    { state: 'deployed', n: 46 },
    { state: 'deploying', n: TOTAL - 46 - 2 },
    { state: 'failed', n: 1 },
  ]);
  const events = await completions();
  expect(events).toHaveLength(46);
  expect(new Set(events.map(({ promotion_id }) => promotion_id)).size).toBe(46);
  expect(new Set(events.map(({ detail }) => detail['decision'])).size).toBe(1);
  expect(events[0]).toMatchObject({
    actor: superadmin.id,
    detail: {
      from: 'deploying',
      to: 'deployed',
      decided_together: 46,
      evidence_shown: { verdict: 'live' },
      evidence_reread: { verdict: 'live' },
    },
  });

  // Slack follows: one reply for all of them, and the group counts what is left.
  await bed.app.tick();
  await eventually(async () => expect(textOf((await group()).blocks)).toContain('46 completed'));
  const replies = (await bed.slack.thread(bed.slack.channels.alerts, (await group()).ts)).map(({ text }) => text);
  expect(replies.filter((text) => text.includes('completed *46 promotions* at once'))).toHaveLength(1);
  expect(replies.filter((text) => text.includes('resolved as *completed*'))).toEqual([]);

  // The code was used once, for all of them.
  const again = await openForm(superadmin);
  expect(textOf(again.blocks)).toContain('these *11 promotions*');
  expect(await superadmin.submit({ code: bed.code(superadmin.id) })).toMatchObject({
    kind: 'errors',
    errors: { code: expect.stringContaining('already used') },
  });
  expect((await superadmin.submit({ code: bed.code(superadmin.id, 1) })).kind).not.toBe('errors');
  await superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('11 promotions are completed'));
});

test('a wrong code completes nothing, a lost answer is no second decision, and only superadmins are asked', async () => {
  await insert(4);
  const { superadmin, engineer } = bed.slack.people;
  await bed.enrol(engineer.id, 'engineer');
  await clickIt(engineer);
  await engineer.waitForEphemeral(({ text }) => text.includes('Only a superadmin can complete these'));

  const form = await openForm(superadmin);
  const right = bed.code(superadmin.id);
  expect(await superadmin.submit({ code: right === '000000' ? '000001' : '000000' })).toMatchObject({
    kind: 'errors',
    errors: { code: expect.stringContaining('1 of 5') },
  });
  expect(await states()).toEqual([{ state: 'deploying', n: 4 }]);
  expect((await superadmin.submit({ code: right })).kind).not.toBe('errors');
  await superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('3 promotions are completed'));
  await superadmin.closeModal({ all: true });
  superadmin.reopen(form);
  await superadmin.submit({ code: right });
  await superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('You already did this'));
  expect(await completions()).toHaveLength(3);
  const refused = await bed.rows.query<{ detail: Record<string, unknown> }>(
    `select detail from flag_promotions.audit_log
      where action in ('console.flag.promotion.denied', 'console.flag.promotion.totp_rejected') order by id`,
  );
  expect(refused).toMatchObject([
    { detail: { attempted: 'complete_live', reason: 'not_superadmin' } },
    { detail: { attempted: 'complete_live', reason: 'wrong' } },
  ]);
});

test('while Heroku is silent, nothing is proven and nothing is completed', async () => {
  await insert(4);
  const { superadmin } = bed.slack.people;
  await openForm(superadmin);
  bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
  expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).not.toBe('errors');
  const result = await superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('Nothing was changed'));
  expect(textOf(result.blocks)).toContain('Heroku didn’t prove it again');
  expect(await states()).toEqual([{ state: 'deploying', n: 4 }]);
});

test('live ones behind a hundred that aren’t are found', async () => {
  await insert(MANY);
  for (let n = 1; n <= MANY - 5; n += 1) bed.heroku.setVar(APP, `FLAG_FLAG_${n}`, 'false');
  const shown = textOf((await openForm(bed.slack.people.superadmin)).blocks);
  expect(shown).toContain('these *5 promotions*');
  expect(shown).toContain(`${MANY - 5 - OWN} aren’t proven live and stay as they are.`);
  expect(shown).not.toContain('checked*');
});

test('a promotion that Heroku didn’t answer about is unchecked, not unproven', async () => {
  await insert(4);
  bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
  await clickIt(bed.slack.people.superadmin);
  const answer = await bed.slack.people.superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('checked'));
  expect(textOf(answer.blocks)).toContain('*3 weren’t checked*');
  expect(linesUnder(bed.logged, textOf(answer.blocks))).toContainEqual(expect.objectContaining({ level: 'warn' }));
  expect(textOf(answer.blocks)).not.toContain('proves none');
});

test('a promotion that Heroku won’t tell of, however often it is asked, is unproven', async () => {
  await insert(4);
  bed.heroku.faults.add({ fault: { kind: 'status', status: 404 } });
  await clickIt(bed.slack.people.superadmin);
  const answer = await bed.slack.people.superadmin.waitForModal(({ blocks }) => textOf(blocks).includes('proves none'));
  expect(textOf(answer.blocks)).toContain('Heroku proves none of these 3 live now.');
});

test('a promotion that takes a second person only since the form was opened is left out, named, and audited as refused', async () => {
  const { superadmin } = bed.slack.people;
  await insert(OWN + 3, { promotedBy: superadmin.id });
  await openForm(superadmin);
  const stricter = await bed.replica({ environment: { SECOND_PERSON: `${APP}` } });
  bed.slack.connectHttp(`http://127.0.0.1:${stricter.port}/slack/events`);
  await superadmin.submit({ code: bed.code(superadmin.id) });
  await eventually(async () =>
    expect(textOf(superadmin.modal()?.blocks)).toContain('somebody else has to complete it'),
  );
  expect(textOf(superadmin.modal()?.blocks)).toContain(
    'nothing on the list can be completed any more. Your code is still unused',
  );
  expect(await completions()).toEqual([]);
  expect(
    await bed.rows.query(
      `select e.actor, e.detail, d.times from flag_promotions.denials d join flag_promotions.audit_log e on e.id = d.event_id`,
    ),
  ).toMatchObject([{ actor: superadmin.id, detail: { attempted: 'complete_live', reason: 'same_person' }, times: 3 }]);
});
