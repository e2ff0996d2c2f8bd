import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { AREAS } from './mutants/areas.js';
import { jestConfigOf } from './mutants/jest-config.js';

const ROOT = path.resolve(__dirname, '..');

test.each(Object.entries(AREAS))(
  'Jest takes the configuration of the mutants of %s, and finds their tests',
  async (_, { tests }) => {
    const jest = path.join(ROOT, 'node_modules/jest/bin/jest.js');
    const config = JSON.stringify({ rootDir: ROOT, ...jestConfigOf(tests) });
    const { stdout } = await promisify(execFile)(process.execPath, [jest, '--listTests', '--config', config], {
      cwd: ROOT,
    });
    const found = stdout.split('\n').filter((line) => line.endsWith('.test.ts'));
    expect(found.length).toBeGreaterThanOrEqual(tests.length);
  },
);
