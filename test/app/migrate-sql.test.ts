import { migrations } from '../../migrations/index.js';
import type { MigrateOptions } from '../../src/cli/migrate.js';
import { type ConsoleBed, type ConsoleDatabase, type Programs, startConsoleBed } from '../support/console-bed.js';

/*
 * `migrate --sql` prints what others have to run. Each account then has only its own rights: one migrates, one runs the
 * app.
 */

const TABLE = `create table console_flag_promotions (
  id serial primary key, flag_key text not null, heroku_app text not null, state text not null, promoted_at timestamptz,
  checkpoint varchar(50));
  insert into console_flag_promotions (flag_key, heroku_app, state, promoted_at)
    values ('console_dark_mode', 'raxx-console-prod', 'deploying', now() - interval '30 hours')`;

let bed: ConsoleBed;
let database: ConsoleDatabase;
beforeAll(async () => {
  bed = await startConsoleBed();
});
afterAll(() => bed.close());
beforeEach(async () => {
  database = await bed.database();
  await database.as(database.owner, TABLE);
});
afterEach(() => database.drop());

/** The script, printed by a process as people start it. */
async function printed(): Promise<string> {
  const { code, output, errors } = await bed.run(database, 'migrate', '--sql');
  expect({ code, errors }).toEqual({ code: 0, errors: expect.stringMatching(/^Database: .*\n$/u) });
  return output;
}

async function printedHere(options: MigrateOptions = {}): Promise<string> {
  const { code, output, errors } = await bed.here.migrate(database, { ...options, sql: true });
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  return output;
}

/** The statements by who is to run them, as the script says. */
function sectionsOf(script: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let lines: string[] = [];
  for (const line of script.split('\n')) {
    const [, who = ''] = /^-- As the owner of the (database|table|schema)\b.*:$/u.exec(line) ?? [];
    if (who !== '') {
      lines = [];
      sections.set(who, lines);
    } else if (line !== '' && !line.startsWith('--')) lines.push(line);
  }
  return sections;
}

/** The lock_timeout that applies to each kind of statement. A statement that waits for a lock blocks others. */
function limitsIn(lines: readonly string[]): Readonly<Record<string, string>> {
  const limits: Record<string, string> = {};
  let limit = '';
  for (const line of lines) {
    const kind = /^alter table|^create (?:unique )?index/u.exec(line)?.[0].replace('unique ', '');
    if (/^(?:re)?set lock_timeout/u.test(line)) limit = line;
    else if (kind !== undefined && !(limits[kind] ?? '').includes(limit))
      limits[kind] = `${limits[kind] ?? ''}${limit}`;
  }
  return limits;
}

/** Each section by its own account, as psql would: one statement after the other, in one session. */
async function runAsPrinted(script: string): Promise<void> {
  for (const [who, lines] of sectionsOf(script)) {
    const statements = lines
      .join('\n')
      .split(/;$/mu)
      .filter((statement) => statement.trim() !== '');
    await (who === 'table' ? database.script(statements, database.owner) : database.script(statements));
  }
}

const up = async (programs: Programs): Promise<void> => {
  const { ended, stop } = await programs.start(database);
  expect(ended).toBeNull();
  await stop();
};

const expectToMakeNothing = async (role: string, schemas: readonly string[]): Promise<void> => {
  const statements = ['create schema x', ...schemas.map((schema) => `create table ${schema}.x ()`)];
  for (const statement of statements) {
    await expect(database.as(role, statement)).rejects.toMatchObject({ code: '42501' });
  }
};

test('an account without any right is given what it takes, by owner, and then migrates and starts', async () => {
  database.role = database.runner;
  const refused = await bed.run(database, 'migrate');
  expect(refused).toMatchObject({
    code: 78,
    output: '',
    errors: expect.stringContaining('flag-promotions migrate --sql'),
  });

  const script = await printed();
  expect([...sectionsOf(script).keys()]).toEqual(['database', 'table']);
  expect(script).toContain(`create schema flag_promotions authorization ${database.runner};`);
  expect(script).toContain('alter column checkpoint type text;');
  expect(script).toContain(`grant select, insert, update on public.console_flag_promotions to ${database.runner};`);
  expect(limitsIn(sectionsOf(script).get('table') ?? [])).toEqual({
    'alter table': "set lock_timeout = '2s';",
    'create index': 'reset lock_timeout;',
  });
  await runAsPrinted(script);

  expect(await printed()).toMatch(/^-- .*: nothing is missing for the role runner_\w+\.\n$/u);
  expect(await bed.run(database, 'migrate')).toMatchObject({ code: 0 });
  await up(bed.spawned);
  await expectToMakeNothing(database.runner, ['public']);
});

test('a script that stopped half-way is printed without what is done', async () => {
  database.role = database.app;
  const statements = sectionsOf(await printedHere()).get('table') ?? [];
  const first = statements.findIndex((line) => line.startsWith('create unique index'));
  await database.script(
    statements.slice(0, first + 1).map((line) => line.replace(/;$/u, '')),
    database.owner,
  );
  const rest = await printedHere();
  expect(rest).not.toContain('add column');
  expect(rest).not.toContain('alter column checkpoint');
  expect(rest).not.toContain('create unique index');
  expect(rest).toContain('lacks 7 indexes');
  await runAsPrinted(rest);
  expect(await bed.here.migrate(database)).toMatchObject({ code: 0 });
});

describe('one account migrates and one runs', () => {
  beforeEach(async () => {
    database.role = database.app;
    const role = database.runner;
    await runAsPrinted(await printedHere({ role }));
    expect(await bed.here.migrate(database, { role })).toMatchObject({ code: 0 });
    database.role = role;
  });

  test('the second starts, although it can make nothing', async () => {
    expect(await printedHere()).toContain('nothing is missing');
    await up(bed.here);
    expect(await bed.here.migrate(database)).toMatchObject({ code: 0 });
    await expectToMakeNothing(database.runner, ['public', 'flag_promotions']);
    await expect(database.as(database.runner, 'delete from public.console_flag_promotions')).rejects.toMatchObject({
      code: '42501',
    });
  });

  test('after an update it is told who has to migrate, and nothing else', async () => {
    database.role = database.app;
    const before = migrations.at(-2)?.name ?? '';
    expect(await bed.here.migrate(database, { to: before })).toMatchObject({ code: 0 });
    database.role = database.runner;
    for (const ended of [await bed.here.migrate(database), (await bed.here.start(database)).ended]) {
      expect(ended).toMatchObject({
        code: 78,
        errors: expect.stringContaining(
          `Run flag-promotions migrate as the owner of the schema flag_promotions (${database.app})`,
        ),
      });
    }
    database.role = database.app;
    expect(await bed.run(database, 'migrate', '--role', database.runner)).toMatchObject({ code: 0 });
    database.role = database.runner;
    await up(bed.spawned);
  });

  test('every command names a right that it needs and that was revoked', async () => {
    await database.admin(
      `revoke insert on flag_promotions.messages from ${database.runner}; revoke update on console_flag_promotions from ${database.runner}`,
    );
    for (const args of [['start'], ['maintenance'], ['migrate']]) {
      const { code, errors } = await bed.run(database, ...args);
      expect({ code, errors }).toEqual({
        code: 78,
        errors: expect.stringContaining(`grant insert on flag_promotions.messages to ${database.runner};`),
      });
      expect(errors).toContain(`grant update on public.console_flag_promotions to ${database.runner};`);
    }
  });
});

test('a role that owns nothing learns who can undo the migrations, before anything is undone', async () => {
  await database.as(database.owner, 'alter table console_flag_promotions alter column checkpoint type text');
  expect(await bed.here.migrate(database)).toMatchObject({ code: 0 });
  await database.as(database.owner, `grant usage on schema flag_promotions to ${database.runner}`);
  await database.as(
    database.owner,
    `grant select, update on all tables in schema flag_promotions to ${database.runner}`,
  );
  const kept = async () =>
    (await database.as(database.owner, 'select name from flag_promotions.migrations order by 1')).rows;
  const before = await kept();
  database.role = database.runner;
  for (const args of [['--rollback'], ['--to', migrations[0]?.name ?? '']]) {
    const { code, output, errors } = await bed.run(database, 'migrate', ...args);
    expect({ args, code, output, errors: errors.split('\n').slice(1, -1) }).toEqual({
      args,
      code: 78,
      output: '',
      errors: [
        `Only ${database.owner} can undo the migrations, because the tables are theirs. Run this as ${database.owner}. Nothing was changed.`,
      ],
    });
  }
  expect(await kept()).toEqual(before);
});

test.each([
  ['with the console’s table', 'select 1'],
  ['in an empty database', 'drop table console_flag_promotions'],
])('a role that there is not is named %s, and nothing is changed', async (_where, sql) => {
  await database.as(database.owner, sql);
  for (const isPrinted of [false, true]) {
    expect([isPrinted, await bed.here.migrate(database, { sql: isPrinted, role: 'nobody_like_that' })]).toEqual([
      isPrinted,
      {
        code: 78,
        output: '',
        errors: 'There is no role nobody_like_that. Check what --role names. Nothing was changed.\n',
      },
    ]);
  }
  const made = await database.as(database.owner, `select from pg_namespace where nspname = 'flag_promotions'`);
  expect(made.rowCount).toBe(0);
});
