import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** Enforces ARCHITECTURE.md: which way imports go, and which files alone may use what. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Import {
  /** From the root: `src/views/alert.ts`. */
  readonly file: string;
  /** A file from the root without its extension, or a package's name. */
  readonly target: string;
  readonly typeOnly: boolean;
  readonly isDynamic: boolean;
}

const IMPORT =
  /^\s*(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]*?\sfrom\s*)?'([^']+)'|(?:import|require)\('([^']+)'\)/gmu;

function filesUnder(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.posix.join(folder, name.replaceAll(path.sep, '/')));
}

/** The code without its comments, which may mention anything. */
function codeOf(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//gu, '')
    .replaceAll(/(^|\s)\/\/.*$/gmu, '$1');
}

function importsOf(file: string): Import[] {
  return [...codeOf(file).matchAll(IMPORT)].map(([, type, from = '', dynamic]) => {
    const name = dynamic ?? from;
    const local = path.posix.join(path.posix.dirname(file), name).replace(/\.js$/u, '');
    return {
      file,
      target: name.startsWith('.') ? local : name,
      typeOnly: type !== undefined,
      isDynamic: dynamic !== undefined,
    };
  });
}

const manifest = z
  .object({
    dependencies: z.record(z.string(), z.string()).default({}),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')));
const sources = filesUnder('src');
const imports = sources.flatMap(importsOf);
const shipped = [...imports, ...filesUnder('migrations').flatMap(importsOf)];
const bare = (file: string) => file.replace(/\.ts$/u, '');
const targets = new Map<string, string[]>();
for (const { file, target } of shipped) targets.set(bare(file), [...(targets.get(bare(file)) ?? []), target]);
const isLocal = ({ target }: Import) => /^(?:src|migrations|demo|test)\//u.test(target);
const said = (found: readonly Import[]) => found.map(({ file, target }) => `${file} → ${target}`);

/** The file and its transitive imports, without extensions. */
function reachedFrom(start: string): ReadonlySet<string> {
  const reached = new Set([start]);
  // The loop also visits what it adds.
  for (const name of reached) for (const target of targets.get(name) ?? []) reached.add(target);
  return reached;
}

test('the test sees the imports that it judges', () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(said(imports)).toContain('src/db/migrate.ts → migrations/index');
  expect(said(imports)).toContain('src/handlers/rca.ts → src/views/rca');
  expect(imports.find(({ file, target }) => file === 'src/views/blocks.ts' && target === '@slack/bolt')).toMatchObject({
    typeOnly: true,
  });
  expect(imports.find(({ file, target }) => file === 'src/app/receiver.ts' && target === '@slack/bolt')).toMatchObject({
    typeOnly: false,
  });
});

test.each([
  // The core decides by who asks and by the outcome of their code; how a code is checked is none of its business.
  ['promotions', ['operators/operator', 'operators/code-check']],
  ['operators', []],
  ['audit', []],
  ['views', ['promotions', 'operators']],
  ['db', ['promotions', 'operators', 'audit', 'reference']],
  ['heroku', ['promotions', 'network']],
  ['charts', ['promotions']],
  ['slack', ['promotions', 'views', 'network', 'with-timeout']],
  ['network', ['with-timeout']],
  ['paging', ['promotions', 'network']],
  ['pages', ['promotions', 'operators', 'db', 'views', 'with-timeout', 'reference']],
  ['doctor', ['promotions', 'operators', 'db', 'heroku', 'slack', 'network', 'paging', 'config', 'pages']],
  // A message is decided from rows alone: evidence is read through a reader passed in.
  ['outbox', ['promotions', 'operators', 'audit', 'db', 'slack', 'paging', 'views']],
  ['jobs', ['promotions', 'operators', 'db', 'heroku', 'slack', 'views', 'outbox', 'network', 'audit', 'reference']],
  // What a person decides, wherever they do: no word of Slack or the command line.
  ['decisions', ['promotions', 'operators', 'db']],
  ['handlers', ['promotions', 'operators', 'db', 'heroku', 'slack', 'decisions', 'views', 'reference', 'with-timeout']],
  ['cli', ['promotions', 'operators', 'db', 'decisions', 'views', 'reference', 'config', 'listen']],
])('src/%s imports of the project only %j', (folder, allowed) => {
  const own = imports.filter((found) => found.file.startsWith(`src/${folder}/`) && isLocal(found));
  expect(own.length).toBeGreaterThan(0);
  const strays = own.filter(
    ({ file, target }) =>
      ![folder, ...allowed].some((name) => target === `src/${name}` || target.startsWith(`src/${name}/`)) &&
      !(file === 'src/db/migrate.ts' && target === 'migrations/index'),
  );
  expect(said(strays)).toEqual([]);
});

test('app.ts alone puts the parts in src/app/ together, and the binary alone starts it', () => {
  const isPart = (name: string) => name.startsWith('src/app/');
  const composers = shipped.filter(({ file, target }) => isPart(target) && !isPart(file));
  expect(new Set(composers.map(({ file }) => file))).toEqual(new Set(['src/app.ts']));
  const starters = shipped.filter(({ target }) => target === 'src/app').map(({ file }) => file);
  expect(starters).toEqual(['src/cli.ts']);
});

test('no import runs in a circle, nor does the import of a type', () => {
  expect(said(shipped.filter(({ file, target }) => reachedFrom(target).has(bare(file))))).toEqual([]);
});

test('nothing that ships imports the demo or the tests', () => {
  expect(said(shipped.filter(({ target }) => /^(?:demo|test)\//u.test(target)))).toEqual([]);
});

test('the deployed app holds none of the demo, nor what it alone needs', () => {
  const built = execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json', '--listFilesOnly'], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  const own = built.split('\n').filter((file) => file !== '' && !file.includes('node_modules'));
  expect(own.length).toBeGreaterThan(sources.length);
  expect(own.filter((file) => /\/(?:demo|test)\//u.test(file))).toEqual([]);
  const left = readFileSync(path.join(ROOT, '.slugignore'), 'utf8').split('\n');
  expect(left).toEqual(expect.arrayContaining(['/demo', '/test']));
});

test('the build contains all packages that are imported, so that none is installed again', () => {
  const outside = shipped.filter((found) => !isLocal(found) && !isBuiltin(found.target));
  const needed = new Set(outside.map(({ target }) => packageOf(target)));
  expect(needed.size).toBeGreaterThan(10);
  // Native code can't be bundled.
  const native = Object.keys(manifest.dependencies);
  expect(native).toEqual(['@resvg/resvg-js']);
  expect([...needed].filter((name) => ![...native, ...Object.keys(manifest.devDependencies)].includes(name))).toEqual(
    [],
  );
});

/** `@slack/bolt` of `@slack/bolt/dist/types`. */
function packageOf(target: string): string {
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}

test('the core, the views and what they import use no package; of Slack’s, the views know the types', () => {
  const pure = sources.filter((file) => /^src\/(?:promotions|views)\//u.test(file));
  const reached = new Set(pure.flatMap((file) => [...reachedFrom(bare(file))]));
  const outside = imports.filter((found) => reached.has(bare(found.file)) && !isLocal(found));
  expect(said(outside.filter(({ target, typeOnly }) => !(typeOnly && target === '@slack/bolt')))).toEqual([]);
});

test.each([
  ['knex and pg', /^(?:knex|pg)$/u, /^src\/db\//u],
  ['heroku-client', /^heroku-client/u, /^src\/heroku\//u],
  ['Slack’s Web API', /^@slack\/web-api/u, /^src\/slack\//u],
  ['undici', /^undici$/u, /^src\/network\//u],
  ['Node’s own connections', /^node:(?:https|net|tls)$/u, /^src\/(?:network|db)\//u],
  ['Slack’s packages', /^@slack\//u, /^src\/(?:slack\/|handlers\/|app\/receiver\.ts|http\.ts)/u],
  ['TOTP', /^@?otplib/u, /^src\/operators\//u],
  ['the scheduler', /^node-schedule$/u, /^src\/jobs\//u],
  ['time zones', /^luxon$/u, /^src\/zones\.ts$/u],
])('%s are used in one place only', (_, target, place) => {
  const uses = imports.filter((found) => target.test(found.target) && !found.typeOnly);
  expect(uses.length).toBeGreaterThan(0);
  expect(said(uses.filter(({ file }) => !place.test(file)))).toEqual([]);
});

test('a command loads the app and the network only if it needs them, and Bolt only to receive', () => {
  const loaded = new Set(['src/cli']);
  for (const name of loaded) {
    for (const { file, target, typeOnly, isDynamic } of imports) {
      if (bare(file) === name && !typeOnly && !isDynamic) loaded.add(target);
    }
  }
  expect(loaded).toContain('src/db/migrate');
  expect(
    [...loaded].filter((name) =>
      /^(?:src\/app|src\/network\/network|@slack\/bolt|src\/slack\/http-receiver)/u.test(name),
    ),
  ).toEqual([]);
});

test('only app.ts and cli.ts read the environment', () => {
  const readers = sources.filter((file) => /process\s*\.\s*env\b|\benv\b.*from 'node:process'/u.test(codeOf(file)));
  // The embedded server's environment has none of our settings: only PATH and a place for temporary files.
  const allowed = ['src/app.ts', 'src/cli.ts', 'src/db/embedded/runtime.ts'];
  expect(readers.filter((file) => !allowed.includes(file))).toEqual([]);
});

test('every fetch takes the way out that it was given', () => {
  const fetchers = sources.filter((file) => /(?<![.\w])fetch\(|globalThis\.fetch/u.test(codeOf(file)));
  expect(fetchers).toContain('src/jobs/heartbeat.ts');
  expect(fetchers.filter((file) => !/\bfetch: Fetch\b|\{ fetch \}/u.test(codeOf(file)))).toEqual([]);
});

test('clock and chance are passed in to everything that decides or acts', () => {
  const own = /\bDate\.now\b|\bnew Date\(\s*\)|\bDate\(\s*\)|\bMath\.random\b|\bperformance\.now\b/u;
  const inside = sources.filter((file) =>
    /^src\/(?:promotions|views|operators|outbox|jobs|decisions|handlers|pages|doctor|cli)\//u.test(file),
  );
  expect(inside.filter((file) => own.test(codeOf(file)))).toEqual([]);
});
