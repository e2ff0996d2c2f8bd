import { mkdir, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { context, type Metafile } from 'esbuild';
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
    metafile: true,
    sourcemap: 'linked',
    sourcesContent: false,
  });
  const page = await context({ ...pageOptions(), minify: false, logLevel: 'warning' });
  return {
    async app() {
      const { metafile } = await app.rebuild();
      await writeFile(path.join(outdir, 'demo-app-waits.js'), loading(packagesOf(metafile)));
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

/** What the built app imports by name. */
function packagesOf({ outputs }: Metafile): readonly string[] {
  const entry = Object.keys(outputs).find((file) => path.basename(file) === 'demo-app.js');
  const files = new Set(entry === undefined ? [] : [entry]);
  const packages = new Set<string>();
  // The loop also visits what it adds.
  for (const file of files) {
    for (const { path: name, external } of outputs[file]?.imports ?? []) {
      if (external !== true) files.add(name);
      else if (!isBuiltin(name)) packages.add(name);
    }
  }
  return [...packages];
}

/** A module that loads them, then waits for a message with the arguments of the program after it. */
const loading = (packages: readonly string[]): string => `
await Promise.all(${JSON.stringify(packages)}.map((name) => import(name)));
const alone = () => process.exit();
process.once('disconnect', alone);
process.argv.push(...(await new Promise((resolve) => process.once('message', resolve))));
process.off('disconnect', alone);
`;
