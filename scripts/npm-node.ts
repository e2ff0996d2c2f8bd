import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';

/**
 * npm's Node of a version (`24`, `24.22.3`), installed under node_modules/.cache if it isn't yet. npm's package `node`
 * only fetches the platform's package by an install script; this installs that one directly, so no script has to run.
 */
export function nodeOf(version: string, root: string): string {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `${platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node'}-${platform}-${process.arch}`;
  const folder = path.join(root, `node_modules/.cache/node-${version}`);
  const node = path.join(folder, 'node_modules', name, 'bin', platform === 'win' ? 'node.exe' : 'node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    const install = ['install', '--prefix', folder, '--no-save', '--no-package-lock', '--no-audit', '--no-fund'];
    execFileSync('npm', [...install, `${name}@${version}`], { stdio: ['ignore', 2, 2] });
  }
  return node;
}
