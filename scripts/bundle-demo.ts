import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, copyDemoFonts } from './bundle-options.js';

/**
 * The demo for the package: `flag-promotions demo` then needs no sources. It lies beside the app's files, where the
 * demo's app looks for its drawing parts. A deployment has no demo: without its sources, nothing is built.
 */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const outdir = path.resolve(ROOT, process.argv[2] ?? 'dist/src');
const demo = path.join(ROOT, 'demo');

if (existsSync(demo)) {
  await build({
    ...bundleOptions(ROOT),
    entryPoints: [
      { in: path.join(demo, 'workspace/main.ts'), out: 'demo' },
      { in: path.join(demo, 'world/app.ts'), out: 'demo-app' },
    ],
    outdir,
    chunkNames: 'demo-[name]-[hash]',
    // Half the size. An error of the demo still names its class.
    minify: true,
    keepNames: true,
  });
  const { bundlePage } = await import('../demo/workspace/server/bundle.js');
  const { script, style } = await bundlePage();
  await writeFile(path.join(outdir, 'demo-page.js'), script);
  await writeFile(path.join(outdir, 'demo-page.css'), style);
  await copyDemoFonts(ROOT, outdir);
}
