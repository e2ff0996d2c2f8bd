import pg from 'pg';
import type { Person } from '../../demo/slack/person.js';
import { APP, CONFIG_VAR, LONG_LEASE, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* The console's team alters its table while the app runs. */

let bed: TestBed;
let promotionId: string;
let superadmin: Person;
beforeEach(async () => {
  bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', environment: LONG_LEASE });
  superadmin = bed.slack.people.superadmin;
  promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
});
afterEach(() => bed.close());

const alter = (action: string) => bed.rows.query(`alter table console_flag_promotions ${action}`);
const state = async () =>
  (await bed.rows.query<{ state: string }>('select state from console_flag_promotions where id = $1', [promotionId]))[0]
    ?.state;

async function submit(note = 'The dyno died after the PATCH.') {
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal((view) => view.callbackId === 'resolution');
  return superadmin.submit({ code: bed.code(superadmin.id), note });
}

/** Must never be suggested: it would be in vain. */
const AGAIN = /submit again|try again|resubmit/iu;

test('a note that fits no longer: the person reads why, and what the console’s team has to run, and the code stays good', async () => {
  await alter('alter column resolution_note type varchar(20)');
  const refused = await submit();
  const said = refused.kind === 'errors' ? (Object.values(refused.errors)[0] ?? '') : '';
  expect(said).toContain('The database refuses this: “value too long for type character varying(20)”.');
  expect(said).toContain('alter table public.console_flag_promotions alter column resolution_note type text;');
  expect(said).toContain('Nothing was saved.');
  expect(said).not.toMatch(AGAIN);
  expect(await state()).toBe('deploying');
  expect(bed.logged.join()).toContain('value too long');

  await alter('alter column resolution_note type text');
  expect((await superadmin.submit({ code: bed.code(superadmin.id), note: 'Now it fits.' })).kind).toBe('closed');
  expect(await state()).toBe('deployed');
});

test.each([
  [
    'a CHECK',
    `add constraint by_mail check (resolved_by like '%@%')`,
    'by_mail',
    'alter table public.console_flag_promotions drop constraint by_mail;',
  ],
  ['a column that is gone', 'drop column resolved_by', 'resolved_by', 'flag-promotions migrate'],
  ['a table that is gone', 'rename to promotions', 'which migrate adopted, is gone', 'set CONSOLE_TABLE'],
])('%s', async (_what, action, words, cure) => {
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal((view) => view.callbackId === 'resolution');
  await alter(action);
  const refused = await superadmin.submit({ code: bed.code(superadmin.id), note: 'x' });
  const said = JSON.stringify(refused);
  expect(said).toContain(words);
  expect(said).toContain(cure);
  expect(said).not.toMatch(AGAIN);
});

test.each(['raise_exception', '45000', 'insufficient_resources'])(
  'a trigger that refuses this row alone, with %s: its own words, and to whom to turn',
  async (code) => {
    await bed.rows.query(
      `create function guard() returns trigger language plpgsql as
     $$ begin if new.id = ${promotionId} then raise exception 'ask *payments* <@U0123456> first' using errcode = '${code}'; end if; return new; end $$`,
    );
    await bed.rows.query(
      `create trigger guard before update on console_flag_promotions for each row when (new.state = 'deployed') execute function guard()`,
    );
    const said = JSON.stringify(await submit());
    expect(said).toContain('“ask *payments* <@U0123456> first”. Tell the console’s team');
    expect(said).not.toMatch(AGAIN);
  },
);

test('a command’s answer names the fault, with nothing that Slack would format', async () => {
  await alter('alter column flag_key type varchar(60)');
  await superadmin.command(`mark ${'k'.repeat(61)} ${APP}`);
  const { text: answered } = await superadmin.waitForEphemeral(({ text }) =>
    text.includes('The database refuses this'),
  );
  expect(answered).toContain('`value too long for type character varying(60)`');
  expect(answered).toContain('`alter table public.console_flag_promotions alter column flag_key type text;`');
  expect(answered).not.toMatch(AGAIN);
});

test('a fault of the app’s own tables is not blamed on the console’s team', async () => {
  await bed.rows.query('alter table flag_promotions.operators rename to nobody');
  await superadmin.command(`mark new_flag ${APP}`);
  const { text } = await superadmin.waitForEphemeral(({ text: said }) => said.includes('(reference'));
  expect(text).toContain('tell the app’s administrator');
  expect(text).not.toContain('the console’s team');
  await bed.rows.query('alter table flag_promotions.nobody rename to operators');
});

test('the promoter says why on its message, and waits longer each time; once the table is altered, it goes on', async () => {
  bed.heroku.setVar(APP, CONFIG_VAR, 'false');
  await alter('alter column checkpoint type varchar(50)');
  await bed.rows.query(
    `update console_flag_promotions set checkpoint = 'INTENT', promoted_at = '2026-05-10T05:00:00Z' where id = $1`,
    [promotionId],
  );
  await bed.rows.query(`select pg_notify('flag_promotions_due', '')`);
  const row = async () =>
    (
      await bed.rows.query<{ state: string; last_error: string | null; attempts: number }>(
        'select state, last_error, attempts from console_flag_promotions where id = $1',
        [promotionId],
      )
    )[0];
  await eventually(async () =>
    expect(await row()).toMatchObject({
      state: 'deploying',
      last_error:
        'The database refuses this: “value too long for type character varying(50)”. It won’t work until the console’s team has run: alter table public.console_flag_promotions alter column checkpoint type text;',
    }),
  );
  const patches = () => bed.heroku.requests.filter(({ method }) => method === 'PATCH').length;
  await eventually(async () => {
    await bed.clock.advance(60_000);
    expect((await row())?.attempts).toBeGreaterThan(2);
  });
  expect(patches()).toBe(1);

  await alter('alter column checkpoint type text');
  await eventually(async () => {
    await bed.clock.advance(10 * 60_000);
    expect(await row()).toMatchObject({ state: 'deployed', last_error: null });
  });
  expect(patches()).toBe(1);
});

test('row-level security that comes later stops the checks, rather than hide what hangs or end its alert', async () => {
  const role = `watcher_${process.pid}`;
  const before = await bed.slack.messages(bed.slack.channels.alerts);
  await bed.rows.query(`create role ${role} login password 'x'`);
  try {
    await bed.rows.query(`grant usage on schema public, flag_promotions to ${role}`);
    await bed.rows.query(
      `grant select, insert, update, delete on all tables in schema public, flag_promotions to ${role}`,
    );
    await bed.rows.query(`grant usage on all sequences in schema public to ${role}`);
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    url.username = role;
    url.password = 'x';
    const watching = await bed.replica({ environment: { DATABASE_URL: url.href } });
    await alter('enable row level security');
    await watching.tick();
    expect(bed.logged.join()).toContain('Row-level security may hide rows of the console’s table');
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toEqual(before);
    await alter('disable row level security');
  } finally {
    await bed.rows.query(`drop owned by ${role}`);
    await bed.rows.query(`drop role ${role}`);
  }
});

test('while something locks the whole table, as VACUUM FULL does, a start says so and waits', async () => {
  const holder = new pg.Client(bed.environment['DATABASE_URL']);
  await holder.connect();
  await holder.query('begin; lock table console_flag_promotions in access exclusive mode');
  const starting = bed.replica();
  try {
    await eventually(async () =>
      expect(bed.logged.join()).toContain('Somebody has the console’s table for themselves: trying again.'),
    );
  } finally {
    await holder.end();
  }
  const { port } = await starting;
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});
