import { PassThrough } from 'node:stream';
import { askRole } from '../src/ask-role.js';

/** Types lines at a terminal, then ends its input. */
async function ask(...typed: string[]) {
  const input = new PassThrough();
  const output = new PassThrough({ encoding: 'utf8' });
  const asked = askRole({ input, output });
  for (const line of typed) {
    await new Promise(setImmediate);
    input.write(`${line}\n`);
  }
  await new Promise(setImmediate);
  input.end();
  return { role: await asked, said: String(output.read()) };
}

test.each([
  ['engineer', ['engineer']],
  ['superadmin', ['superadmin']],
  ['superadmin', [' SUPER ']],
  ['engineer', ['']],
  // No answer, or one not understood, makes nobody a superadmin.
  ['superadmin', ['admin', 'superadmin']],
  ['engineer', ['admin']],
  ['engineer', []],
])('%s after %j', async (role, typed) => {
  expect(await ask(...typed)).toMatchObject({ role });
});

test('each role’s rights are said before it is asked for', async () => {
  const { said } = await ask('superadmin');
  expect(said).toMatch(/A superadmin also promotes and resolves\.\n.*\[engineer\]/u);
});
