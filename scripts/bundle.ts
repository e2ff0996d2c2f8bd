import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { z } from 'zod';
import { FONT_FILES, FONT_PACKAGE } from '../src/charts/font.js';
import { bundleOptions, NATIVE } from './bundle-options.js';
import { ownSourceMap } from './own-source-map.js';

/**
 * `npm run build`: the app and its imports as one file, so a production install needs no packages but the embedded
 * PostgreSQL. It also starts in half the time: Node finds, reads and compiles one file, not some hundred packages.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGES = path.join(ROOT, 'node_modules');
/** The launcher imports it. */
const APP = 'src/cli.ts';
const [, , folder = 'dist/src', ...named] = process.argv;
/** In one folder: the chart thread is looked for beside whatever starts it. */
const entries = named.length === 0 ? [APP, 'src/charts/chart-worker.ts'] : named;
const outdir = path.resolve(ROOT, folder);

await build({
  ...bundleOptions(ROOT),
  entryPoints: entries.map((entry) => ({
    in: path.join(ROOT, entry),
    out: entry === APP ? 'commands' : path.basename(entry, '.ts'),
  })),
  outdir,
  sourcemap: true,
  sourcesContent: false,
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
  // With any other letter, V8 keeps a source at two bytes a letter, and makes two copies of it while it starts.
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
