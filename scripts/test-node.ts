import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeOf } from './npm-node.js';

/** `npm run test:node -- <version> [Jest's arguments]`: the tests, and all that they start, on another Node. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const [, , version = '', ...jest] = process.argv;
if (!/^\d+(?:\.\d+){0,2}$/u.test(version)) {
  process.stderr.write('Which Node? For example: npm run test:node -- 24 test/app\n');
  process.exit(2);
}
const node = nodeOf(version, ROOT);
const { status } = spawnSync(node, [path.join(ROOT, 'node_modules/jest/bin/jest.js'), ...jest], {
  cwd: ROOT,
  // Programs started by name, including npm and npx, run on it too.
  env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env['PATH'] ?? ''}` },
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
