import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { FUNCTIONS, RELATIONS } from '../../../src/db/console/basics.js';
import { onTestServer } from '../../support/database.js';

/** Of JavaScript, or the app's own, wherever our SQL doesn't call PostgreSQL's of that name. */
const NOT_SQL = [
  'concat',
  'date',
  'every',
  'line',
  'log',
  'name',
  'path',
  'pg_read_file',
  'reverse',
  'sign',
  'text',
  'time',
  'version',
];

/** All words of our SQL that `pattern` finds. */
function words(pattern: RegExp): ReadonlySet<string | undefined> {
  const files = ['src/db', 'migrations'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => path.join(folder, name)),
  );
  const sources = files.filter((name) => name.endsWith('.ts')).map((name) => readFileSync(name, 'utf8'));
  return new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, word]) => word)));
}

const namesIn = async (sql: string): Promise<readonly string[]> =>
  (await onTestServer(sql)).rows.map(({ name }) => String(name));

test('all of PostgreSQL’s functions that our SQL calls are asked for', async () => {
  const called = words(/\b([a-z_][a-z0-9_]*)\(/gu);
  const theirs = await namesIn(
    `select distinct proname::text as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace`,
  );
  expect(theirs.filter((name) => called.has(name) && ![...FUNCTIONS, ...NOT_SQL].includes(name))).toEqual([]);
  expect(FUNCTIONS.filter((name) => !called.has(name))).toEqual([]);
});

test('all of PostgreSQL’s catalog that our SQL reads is asked for', async () => {
  const read = words(/\b(pg_[a-z_]+)\b(?!\()/gu);
  const theirs = await namesIn(
    `select relname::text as name from pg_class where relnamespace = 'pg_catalog'::regnamespace and relkind in ('r', 'v')`,
  );
  expect([...RELATIONS, 'pg_db_role_setting'].sort()).toEqual(theirs.filter((name) => read.has(name)).sort());
});
