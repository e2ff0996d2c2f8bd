import { spawn } from 'node:child_process';
import { Readable, Writable } from 'node:stream';
import { Command } from 'commander';
import { withCommandLine, withDecidingCommandLine } from '../../src/app.js';
import { failureOf } from '../../src/cli/failure.js';
import { addPromotionCommands } from '../../src/cli/promotions.js';
import { readCommandConfig, readDecisionConfig } from '../../src/config.js';
import { createLogger } from '../../src/log.js';
import { realRuntime } from '../../src/runtime.js';
import { APP, CONFIG_VAR, FLAG, startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';

/* What the buttons do, without Slack: these commands have none of its settings. */

let bed: TestBed;
let id: string;
beforeEach(async () => {
  bed = await startTestBed({
    startAt: '2026-05-10T05:00:00Z',
    databaseClockStands: true,
    rateLimit: false,
    environment: { RCA_URL_HOSTS: 'docs.example.com' },
  });
  id = await bed.rows.insertDeploying();
  await bed.app.tick();
});
afterEach(() => bed.close());

const WITHOUT_SLACK = ['DATABASE_URL', 'TOTP_ENCRYPTION_KEY', 'HEROKU_API_KEY', 'HEROKU_API_URL', 'RCA_URL_HOSTS'];
const environment = () =>
  Object.fromEntries(Object.entries(bed.environment).filter(([name]) => WITHOUT_SLACK.includes(name)));

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}
type Settings = Readonly<Record<string, string | undefined>>;

const piped = (input: readonly string[]) => input.map((line) => `${line}\n`).join('');

/** Runs a command as people do, as a process; `input` goes to its standard input. */
async function spawned(words: readonly string[], input: readonly string[] = [], more: Settings = {}): Promise<Ended> {
  const child = spawn(process.execPath, [await builtApp(), ...words], {
    env: { PATH: process.env['PATH'], ...environment(), ...more },
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  child.stdin.end(piped(input));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  bed.hear(output + errors);
  return { code, output, errors };
}

/** The same in this process: one of Node's takes a second of the processor to start. */
async function cli(words: readonly string[], input: readonly string[] = [], more: Settings = {}): Promise<Ended> {
  const settings = { ...environment(), ...more };
  let code = 0;
  let output = '';
  let errors = '';
  const say = (text: string) => {
    errors += text;
  };
  const around = realRuntime(createLogger('fatal', { write: say }));
  const program = new Command().exitOverride();
  addPromotionCommands(
    program,
    {
      look: async (work) => withCommandLine(readCommandConfig(settings), around, work),
      decide: async (work) => withDecidingCommandLine(readDecisionConfig(settings), around, work),
      drill: () => Promise.reject(new Error('No drill is tested here.')),
    },
    {
      input: Readable.from([piped(input)]),
      output: collector((text) => {
        output += text;
      }),
      errors: collector(say),
      setExitCode: (set) => {
        code = set;
      },
    },
  );
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    const { text, exitCode } = failureOf(error);
    say(text);
    code = exitCode;
  }
  bed.hear(output + errors);
  return { code, output, errors };
}

const collector = (collect: (text: string) => void) =>
  new Writable({
    write(chunk, _encoding, done) {
      collect(String(chunk));
      done();
    },
  });

const row = async (of = id) =>
  (
    await bed.rows.query<{
      state: string;
      resolved_by: string | null;
      resolution_note: string | null;
      rca_url: string | null;
    }>('select state, resolved_by, resolution_note, rca_url from console_flag_promotions where id = $1', [of])
  )[0];
const events = async () =>
  bed.rows.query<{ action: string; actor: string; detail: Record<string, unknown> }>(
    `select action, actor, detail from flag_promotions.audit_log where action not like '%stuck%' order by id`,
  );
const superadmin = () => bed.slack.people.superadmin.id;
const asSuperadmin = (steps = 0) => [superadmin(), bed.code(superadmin(), steps)];

test('stuck and show say what Heroku says and what to type, for people and for programs', async () => {
  const listed = await spawned(['stuck'], [], { TOTP_ENCRYPTION_KEY: undefined });
  expect(listed.code).toBe(0);
  expect(listed.output).toContain('1 promotion is stuck.');
  expect(listed.output).toContain(`${id}  CRITICAL \`${FLAG}\` on \`${APP}\`: stuck 1 d`);
  expect(listed.output).toContain(`Live. \`${CONFIG_VAR}\` = \`true\``);
  expect(listed.output).toContain(`→ flag-promotions resolve ${id} --completed`);
  expect(JSON.parse((await spawned(['stuck', '--json'])).output)).toMatchObject({
    total: 1,
    stuck: [{ id, flagKey: FLAG, severity: 'critical', owner: null, evidence: { verdict: 'live' } }],
  });

  bed.heroku.setVar(APP, CONFIG_VAR, 'false');
  const shown = await spawned(['show', FLAG], [], { TOTP_ENCRYPTION_KEY: undefined });
  expect(shown.output).toContain(`Not live. \`${CONFIG_VAR}\` = \`false\` (should be \`true\`)`);
  expect(shown.output).toContain(`→ flag-promotions resolve ${id} --failed`);
  expect(shown.output).toContain('alert: critical');
  expect(JSON.parse((await spawned(['show', id, '--json'])).output)).toMatchObject({
    promotion: { id, state: 'deploying', target: { kind: 'plain', value: 'true' } },
    evidence: { verdict: 'not_live' },
    history: [{ action: 'console.flag.promotion.stuck_critical', actor: 'watchdog' }],
  });

  const unread = await cli(['show', id], [], { HEROKU_API_KEY: undefined });
  expect(unread.output).toContain('Not known whether it is live. HEROKU_API_KEY isn’t set');
  expect(await spawned(['show', '4711'])).toMatchObject({
    code: 1,
    output: expect.stringContaining('no promotion `4711`'),
  });
  expect(await cli(['show', '4711', '--json'])).toMatchObject({ code: 1 });
});

test('its requests to Heroku count among the hour’s', async () => {
  const counted = async () => {
    const [row] = await bed.rows.query<{ n: number }>(
      'select coalesce(sum(m.value::int), 0)::int as n from flag_promotions.heroku_requests r, jsonb_each_text(r.minutes) m',
    );
    return row?.n ?? 0;
  };
  const [before, asked] = [await counted(), bed.heroku.requests.length];
  expect((await cli(['show', id])).code).toBe(0);
  const its = bed.heroku.requests.length - asked;
  expect(its).toBeGreaterThan(0);
  expect(await counted()).toBe(before + its);
});

test('resolve does what the button does, on record as of the command line, and Slack follows', async () => {
  const code = bed.code(superadmin());
  const done = await spawned(
    ['resolve', id, '--completed', '--note', 'Looked at by hand.', '--rca-url', 'https://docs.example.com/1'],
    [superadmin(), code],
  );
  expect(done).toMatchObject({ code: 0, output: expect.stringContaining('Saved. ') });
  expect(done.output).toContain(`Records \`${FLAG}\` on \`${APP}\` as deployed. Heroku isn’t touched. Final.`);
  expect(done.output).toContain('Live.');
  expect(done.output + done.errors).not.toContain(code);
  expect(await row()).toEqual({
    state: 'deployed',
    resolved_by: superadmin(),
    resolution_note: 'Looked at by hand.',
    rca_url: 'https://docs.example.com/1',
  });
  expect(await events()).toMatchObject([
    {
      action: 'console.flag.promotion.ops_complete',
      actor: superadmin(),
      detail: { via: 'command line', evidence_shown: { verdict: 'live' }, evidence_reread: { verdict: 'live' } },
    },
    { action: 'console.flag.promotion.rca_linked', actor: superadmin(), detail: { via: 'command line' } },
  ]);
  // Nobody posted anything; the app's next tick does.
  expect(JSON.stringify((await bed.alert()).blocks)).toContain('mark_completed');
  await bed.app.tick();
  expect(JSON.stringify((await bed.alert()).blocks)).not.toContain('mark_completed');
  expect((await bed.alert()).text).toContain('completed');
  expect((await cli(['show', id])).output).toMatch(/marked completed · U\w+, command line/u);

  const again = await spawned(['resolve', id, '--completed', '--json'], asSuperadmin(1));
  expect(again.code).toBe(0);
  expect(JSON.parse(again.output)).toMatchObject({
    outcome: 'already_resolved',
    promotion: { resolvedBy: superadmin() },
  });
  expect(await events()).toHaveLength(2);
});

test('resolving again what is resolved: done for who did it, refused for anybody else and for the opposite', async () => {
  expect((await cli(['resolve', id, '--completed'], asSuperadmin())).code).toBe(0);
  expect(await cli(['resolve', id, '--completed'], [superadmin()])).toMatchObject({
    code: 0,
    output: expect.stringContaining('You already did this'),
  });
  const other = bed.slack.people.secondSuperadmin.id;
  for (const [words, who] of [
    [['--completed'], other],
    [['--completed'], 'nobody'],
    [['--failed', '--note', 'no'], superadmin()],
  ] as const) {
    expect(await cli(['resolve', id, ...words], [who])).toMatchObject({
      code: 1,
      output: expect.stringContaining('it has already ended'),
    });
  }
  expect(await events()).toHaveLength(1);
});

test('a code is never an argument: it is refused without being looked at or repeated', async () => {
  const code = bed.code(superadmin());
  for (const words of [
    ['resolve', id, code, '--completed'],
    ['resolve', id, '--completed', '--code', code],
    ['resolve', id, '--completed', `--totp=${code}`],
    ['acknowledge', id, '--operator', superadmin()],
  ]) {
    const asked = await cli(words, [superadmin(), code]);
    expect(asked).toMatchObject({ code: 1, output: expect.stringContaining('never arguments') });
    expect(asked.output + asked.errors).not.toContain(code);
  }
  expect(await row()).toMatchObject({ state: 'deploying' });
  expect(await events()).toEqual([]);
  // The code was not used.
  expect(await cli(['resolve', id, '--completed'], [superadmin(), code])).toMatchObject({ code: 0 });
});

test('a contradiction has to be overridden, a failure needs its reason, and an RCA its host', async () => {
  const contradicted = await cli(['resolve', id, '--failed', '--note', 'no', '--json'], asSuperadmin());
  expect(contradicted.code).toBe(1);
  expect(JSON.parse(contradicted.output)).toMatchObject({
    outcome: 'contradiction_unconfirmed',
    message: expect.stringContaining('it is live'),
    evidence: { verdict: 'live' },
  });
  for (const [words, says] of [
    [['resolve', id, '--failed'], '--note: Say why'],
    [['resolve', id, '--completed', '--note', 'x'.repeat(1_001)], 'At most 1000 characters'],
    [['resolve', id, '--completed', '--rca-url', 'https://evil.example/'], '--rca-url: '],
    [['resolve', id], 'Say which: --completed or --failed'],
    [['resolve', id, '--completed', '--failed', '--note', 'x'], 'Say which'],
    [['resolve', '4711', '--completed'], 'no promotion'],
    [['resolve', id, '--completed', '--set-back'], '--set-back goes with --failed'],
  ] as const) {
    expect(await cli(words, asSuperadmin())).toMatchObject({ code: 1, output: expect.stringContaining(says) });
  }
  expect(await events()).toEqual([]);
  const done = await cli(['resolve', id, '--failed', '--note', 'Rolled back by hand.', '--override'], asSuperadmin());
  expect(done).toMatchObject({ code: 0 });
  expect(await row()).toMatchObject({ state: 'failed', resolution_note: 'Rolled back by hand.' });
  expect(await events()).toMatchObject([{ detail: { contradiction_confirmed: true } }]);
});

test('codes are checked as in Slack: wrong, replayed, locked, not a superadmin, nothing typed', async () => {
  const right = bed.code(superadmin());
  const wrong = right === '000000' ? '000001' : '000000';
  const { engineer } = bed.slack.people;
  await bed.enrol(engineer.id, 'engineer');
  expect(await cli(['resolve', id, '--completed'], [engineer.id, bed.code(engineer.id)])).toMatchObject({
    code: 1,
    output: expect.stringContaining('Only a superadmin can resolve this. Ask'),
  });
  expect(await cli(['resolve', id, '--completed'], [superadmin(), wrong])).toMatchObject({
    code: 1,
    output: expect.stringContaining('Wrong code (1 of 5)'),
  });
  expect(await spawned(['resolve', id, '--completed'], [superadmin()])).toMatchObject({
    code: 1,
    output: expect.stringContaining('The input ended before an answer'),
  });
  expect(await cli(['resolve', id, '--completed'], ['kris', right])).toMatchObject({
    code: 1,
    output: expect.stringContaining('no Slack user id'),
  });
  expect(await row()).toMatchObject({ state: 'deploying' });
  expect(await cli(['resolve', id, '--completed'], [`@${superadmin()}`, right])).toMatchObject({ code: 0 });
  const other = await bed.rows.insertDeploying({ flagKey: 'other_flag' });
  bed.heroku.setVar(APP, 'FLAG_OTHER_FLAG', 'true');
  expect(await cli(['resolve', other, '--completed'], [superadmin(), right])).toMatchObject({
    code: 1,
    output: expect.stringContaining('Code already used'),
  });
  for (let failures = 1; failures <= 5; failures += 1)
    await cli(['resolve', other, '--completed'], [superadmin(), wrong]);
  expect(await cli(['resolve', other, '--completed'], asSuperadmin(1))).toMatchObject({
    code: 1,
    output: expect.stringContaining('Locked after 5 wrong codes'),
  });
  const recorded = await events();
  expect(recorded.every(({ detail }) => detail['via'] === 'command line')).toBe(true);
  expect(new Set(recorded.map(({ action }) => action.replace('console.flag.promotion.', '')))).toEqual(
    new Set(['denied', 'totp_rejected', 'ops_complete']),
  );
});

test('the person who promoted it may not resolve it if a second person is required', async () => {
  const own = await bed.rows.insertDeploying({ flagKey: 'own_flag', promotedBy: superadmin() });
  bed.heroku.setVar(APP, 'FLAG_OWN_FLAG', 'true');
  expect(await cli(['resolve', own, '--completed'], asSuperadmin(), { SECOND_PERSON: '*-prod' })).toMatchObject({
    code: 1,
    output: expect.stringContaining('You promoted it, so somebody else has to'),
  });
  expect(await row(own)).toMatchObject({ state: 'deploying' });
});

test('a change between the evidence and the code is shown, and nothing is written', async () => {
  const child = spawn(process.execPath, [await builtApp(), 'resolve', id, '--completed', '--json'], {
    env: { PATH: process.env['PATH'], ...environment() },
  });
  let errors = '';
  let output = '';
  const shown = new Promise<void>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      if (errors.includes('Final.')) resolve();
    });
  });
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await shown;
  bed.heroku.setVar(APP, CONFIG_VAR, 'false');
  child.stdin.end(`${asSuperadmin().join('\n')}\n`);
  expect(await ended).toBe(1);
  expect(JSON.parse(output)).toMatchObject({ outcome: 'evidence_changed', evidence: { verdict: 'not_live' } });
  expect(await row()).toMatchObject({ state: 'deploying' });
  expect(await events()).toEqual([]);
});

test('acknowledge takes an operator and no code, and says who has it', async () => {
  const { engineer, externalUser } = bed.slack.people;
  await bed.enrol(engineer.id, 'engineer');
  expect(await cli(['acknowledge', id], [externalUser.id])).toMatchObject({
    code: 1,
    output: expect.stringContaining('Only an operator can be on an alert'),
  });
  // Without the key its audit event couldn't be authenticated.
  expect(await spawned(['acknowledge', FLAG], [engineer.id], { TOTP_ENCRYPTION_KEY: undefined })).toMatchObject({
    code: 78,
  });
  expect(await spawned(['acknowledge', FLAG], [engineer.id])).toMatchObject({
    code: 0,
    output: expect.stringContaining('You’re on it'),
  });
  expect(await cli(['acknowledge', id], [engineer.id])).toMatchObject({ code: 0 });
  expect(await cli(['acknowledge', id], [superadmin()])).toMatchObject({
    code: 1,
    output: expect.stringMatching(/is already on it.*Then: --take-over/u),
  });
  expect(JSON.parse((await cli(['acknowledge', id, '--take-over', '--json'], [superadmin()])).output)).toMatchObject({
    outcome: 'acknowledged',
    owner: superadmin(),
  });
  expect(await events()).toMatchObject([
    { action: 'console.flag.promotion.denied', detail: { via: 'command line' } },
    { action: 'console.flag.promotion.taken', actor: engineer.id, detail: { via: 'command line' } },
    { action: 'console.flag.promotion.taken', actor: superadmin(), detail: { from: engineer.id } },
  ]);
  expect((await cli(['stuck'])).output).toContain(`${superadmin()} on it since`);
  await bed.app.tick();
  expect(await spawned(['audit', 'verify'])).toMatchObject({ code: 0, output: expect.stringContaining('all sealed') });
});

test('revert starts a promotion of its own, once, and the app sets it on Heroku', async () => {
  await bed.rows.query(
    `update console_flag_promotions set state = 'deployed', deployed_at = now(), previous_value = 'false' where id = $1`,
    [id],
  );
  expect(await cli(['revert', id], [superadmin()])).toMatchObject({
    code: 1,
    output: expect.stringContaining('The input ended'),
  });
  expect(await cli(['revert', id], asSuperadmin(), { HEROKU_API_KEY: undefined })).toMatchObject({ code: 1 });
  const done = await spawned(['revert', FLAG, '--json'], asSuperadmin());
  expect([done.code, JSON.parse(done.output)]).toMatchObject([0, { outcome: 'started', reverts: id }]);
  expect(done.errors).toContain('`false`');
  await eventually(async () => expect(bed.heroku.getVar(APP, CONFIG_VAR)).toBe('false'));
  const again = await cli(['revert', id, '--json'], asSuperadmin(1));
  expect(JSON.parse(again.output)).toMatchObject({ outcome: 'already' });
  const recorded = await events();
  expect(recorded.find(({ action }) => action === 'console.flag.promotion.reverted')).toMatchObject({
    actor: superadmin(),
    detail: { via: 'command line' },
  });
});

test('outside text moves no cursor and hides nothing, nor in JSON', async () => {
  const evil = `flag\u001B[2J\u009B31m\u202Etxt`;
  await bed.rows.query(
    'update console_flag_promotions set flag_key = $1, last_error = $1, promoted_by = $1 where id = $2',
    [evil, id],
  );
  for (const words of [
    ['stuck'],
    ['show', id],
    ['stuck', '--json'],
    ['show', id, '--json'],
    ['resolve', id, '--completed'],
  ]) {
    const { output, errors } = await cli(words);
    expect(output).toContain('flag');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(output + errors).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/u);
  }
});

test('a setting that is missing or wrong is named, with exit code 78', async () => {
  expect(
    await spawned(['resolve', id, '--completed'], asSuperadmin(), { TOTP_ENCRYPTION_KEY: undefined }),
  ).toMatchObject({
    code: 78,
    errors: expect.stringContaining('TOTP_ENCRYPTION_KEY is required'),
  });
  expect(await cli(['stuck'], [], { DATABASE_URL: undefined })).toMatchObject({ code: 78 });
  expect(await cli(['stuck', '--limit', 'all'])).toMatchObject({ code: 1 });
});
