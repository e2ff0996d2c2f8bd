import { setTimeout as sleep } from 'node:timers/promises';
import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { HerokuSwitches } from '../../demo/world/heroku-switches.js';
import { CONFIG_VAR, HEROKU_APP } from '../../demo/world/incident.js';

let heroku: HerokuStandIn;
let switches: HerokuSwitches;
beforeEach(async () => {
  heroku = await startHerokuStandIn({ apps: { [HEROKU_APP]: { vars: {} } } });
  switches = new HerokuSwitches(heroku);
});
afterEach(() => heroku.close());

const ask = (method: 'GET' | 'PATCH') =>
  fetch(`${heroku.apiUrl}/apps/${HEROKU_APP}/config-vars`, {
    method,
    headers: {
      authorization: `Bearer ${heroku.apiKey}`,
      accept: 'application/vnd.heroku+json; version=3',
      'content-type': 'application/json',
    },
    ...(method === 'PATCH' ? { body: JSON.stringify({ [CONFIG_VAR]: 'true' }) } : {}),
  });

test('500s begin and end with their switch', async () => {
  switches.set('error_500', true);
  switches.set('error_500', true);
  expect(switches.isOn('error_500')).toBe(true);
  expect((await ask('GET')).status).toBe(500);
  switches.set('error_500', false);
  expect(switches.isOn('error_500')).toBe(false);
  expect((await ask('GET')).status).toBe(200);
});

test('a cut connection leaves behind what was asked for', async () => {
  switches.set('reset', true);
  await expect(ask('PATCH')).rejects.toThrow();
  expect(heroku.releases(HEROKU_APP)).toHaveLength(2);
});

test('slow delays every answer', async () => {
  switches.set('slow', true);
  expect(heroku.faults.active).toMatchObject([{ fault: { kind: 'delay' } }]);
});

test.each([
  [false, 'succeeded', 'true'],
  [true, 'failed', null],
])('releases run before they end; with release_fails %s they have %s', async (fails, status, value) => {
  switches.set('release_fails', fails);
  await ask('PATCH');
  expect(heroku.releases(HEROKU_APP).at(-1)?.status).toBe('pending');
  expect(heroku.getVar(HEROKU_APP, CONFIG_VAR)).toBeNull();
  const deadline = performance.now() + 60_000;
  while (heroku.releases(HEROKU_APP).at(-1)?.status === 'pending' && performance.now() < deadline) await sleep(100);
  expect(heroku.releases(HEROKU_APP).at(-1)?.status).toBe(status);
  expect(heroku.getVar(HEROKU_APP, CONFIG_VAR)).toBe(value);
});
