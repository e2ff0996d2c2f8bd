import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions } from './bundle-options.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** How many bytes each package, and `own` for our code, takes in the built app; dependencies count separately. */
export async function weights(): Promise<ReadonlyMap<string, number>> {
  const { metafile } = await build({
    ...bundleOptions(ROOT),
    entryPoints: ['src/cli.ts', 'src/charts/chart-worker.ts'].map((file) => path.join(ROOT, file)),
    outdir: 'weights',
    write: false,
    metafile: true,
  });
  const found = new Map<string, number>();
  for (const { inputs } of Object.values(metafile.outputs)) {
    for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(file)?.[1] ?? 'own';
      found.set(name, (found.get(name) ?? 0) + bytesInOutput);
    }
  }
  return found;
}

// `npm run weights` prints them, heaviest first.
if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const [name, bytes] of [...(await weights())].sort(([, one], [, other]) => other - one)) {
    process.stdout.write(`${String(Math.ceil(bytes / 1_000)).padStart(6)} kB  ${name}\n`);
  }
}
