import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { context } from 'esbuild';
import { pageOptions } from '../../demo/workspace/server/bundle.js';
import { bundleOptions, copyDemoFonts } from '../bundle-options.js';

export interface Builds {
  /** The app and what stands around it. @throws if it doesn't compile; esbuild prints why */
  app(): Promise<void>;
  /** The page. @throws likewise */
  page(): Promise<void>;
  close(): Promise<void>;
}

/** esbuild keeps what it has read: a second build takes a fraction of the first. */
export async function createBuilds(root: string, outdir: string): Promise<Builds> {
  // Each build names its chunks differently.
  await rm(outdir, { recursive: true, force: true });
  await mkdir(outdir, { recursive: true });
  await copyDemoFonts(root, outdir);
  const app = await context({
    ...bundleOptions(root),
    // Node loads them as they are: writing all of them anew took four fifths of a build.
    packages: 'external',
    alias: {},
    plugins: [],
    minifyWhitespace: false,
    minifySyntax: false,
    entryPoints: [
      { in: path.join(root, 'demo/workspace/main.ts'), out: 'demo' },
      { in: path.join(root, 'demo/world/app.ts'), out: 'demo-app' },
      { in: path.join(root, 'src/charts/chart-worker.ts'), out: 'chart-worker' },
    ],
    outdir,
    sourcemap: 'linked',
    sourcesContent: false,
  });
  const page = await context({ ...pageOptions(), minify: false, logLevel: 'warning' });
  return {
    async app() {
      await app.rebuild();
    },
    async page() {
      const { outputFiles } = await page.rebuild();
      for (const file of outputFiles) {
        await writeFile(path.join(outdir, `demo-page${path.extname(file.path)}`), file.contents);
      }
    },
    async close() {
      // Ctrl-C ends esbuild's process as well: then there is nothing left to dispose of.
      await Promise.allSettled([app.dispose(), page.dispose()]);
    },
  };
}
