import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BuildOptions } from 'esbuild';

/** The package has it built, beside the server. */
const BUILT = {
  script: new URL('./demo-page.js', import.meta.url),
  style: new URL('./demo-page.css', import.meta.url),
};
const ENTRY = fileURLToPath(new URL('../page/main.tsx', import.meta.url));

export interface Bundle {
  readonly script: string;
  readonly style: string;
}

/** The page's files, built now if they weren't. @throws if it doesn't compile */
export async function pageFiles(): Promise<Bundle> {
  if (!existsSync(BUILT.script)) return bundlePage();
  return { script: readFileSync(BUILT.script, 'utf8'), style: readFileSync(BUILT.style, 'utf8') };
}

/** The page's code and style, in one file each. @throws if it doesn't compile */
export async function bundlePage(): Promise<Bundle> {
  const { build } = await import('esbuild');
  const { outputFiles } = await build(pageOptions());
  const text = (ending: string): string => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  return { script: text('.js'), style: text('.css') };
}

export const pageOptions = () =>
  ({
    entryPoints: [ENTRY],
    bundle: true,
    minify: true,
    write: false,
    outdir: 'page',
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' },
    logLevel: 'silent',
  }) satisfies BuildOptions;
