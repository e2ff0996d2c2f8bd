import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { startTestBed, type TestBed } from '../support/app.js';

/** `show <flag-key>`: the current value on each app that has the flag. */

const SECRET = 'postgres://canary-of-a-flag';
const FLAG = 'FLAG_SHARED';

let bed: TestBed;
let heroku: HerokuStandIn;
async function start(environment: Readonly<Record<string, string>> = {}, apps: readonly string[] = []) {
  heroku = await startHerokuStandIn({
    apps: {
      'raxx-console-prod': { vars: { [FLAG]: 'true' } },
      'raxx-web': { vars: { [FLAG]: 'true' } },
      'raxx-jobs': { vars: { [FLAG]: SECRET } },
      ...Object.fromEntries(apps.map((app) => [app, { vars: {} }])),
    },
  });
  bed = await startTestBed({
    rateLimit: false,
    environment: { HEROKU_API_KEY: heroku.apiKey, HEROKU_API_URL: heroku.apiUrl, ...environment },
  });
  bed.keepSecret('a flag’s own value', SECRET);
}
afterEach(async () => {
  await bed.close();
  await heroku.close();
});

async function insert(app: string, state = 'deployed', flag = 'shared'): Promise<string> {
  const id = await bed.rows.insertDeploying({ app, flagKey: flag });
  await bed.rows.query('update console_flag_promotions set state = $2, deployed_at = now() where id = $1', [id, state]);
  return id;
}
async function shown(reference: string) {
  return JSON.stringify((await bed.slack.people.superadmin.ask(`show ${reference}`)).blocks);
}

test('a flag on four apps is live on so many, each with what it holds, and no secret', async () => {
  await start();
  for (const app of ['raxx-console-prod', 'raxx-web', 'raxx-jobs', 'raxx-gone']) await insert(app);
  // Earlier and since cancelled promotions say nothing about now.
  await insert('raxx-web', 'failed');
  await insert('raxx-web', 'deployed');
  await insert('raxx-web', 'cancelled');
  const said = await shown('shared');
  expect(said).toContain('`shared` is *live on 2 of 4*, 1 not known');
  expect(said).toContain(':large_green_circle: `raxx-web`: `FLAG_SHARED` = `true` · `deployed`, promotion 6');
  expect(said).toContain(':red_circle: `raxx-jobs`: `FLAG_SHARED` = _hidden_ (should be `true`)');
  expect(said).toContain(':grey_question: `raxx-gone`: `FLAG_SHARED`: No access to this app');
  expect(said).not.toContain('canary');
});

test('a certain promotion, and a flag on one app, are shown as before', async () => {
  await start();
  const id = await insert('raxx-web');
  expect(await shown('shared')).not.toContain('live on');
  await insert('raxx-console-prod');
  expect(await shown(id)).not.toContain('live on');
  expect(await shown('shared')).toContain('*live on 2 of 2*');
});

test('of a flag on many apps the newest fifteen are asked, and the rest is counted', async () => {
  const apps = Array.from({ length: 18 }, (_, n) => `raxx-many-${n}`);
  await start({}, apps);
  for (const app of apps) await insert(app);
  heroku.forgetRequests();
  const said = await shown('shared');
  expect(said).toContain('*live on 0 of 15*');
  expect(said).toContain('And 3 more apps that have it.');
  expect(heroku.requests.filter(({ path }) => path.endsWith('/config-vars')).length).toBeLessThanOrEqual(17);
});

test('if no request is left, nothing is called live', async () => {
  await start({ HEROKU_REQUESTS_PER_HOUR: '1' });
  for (const app of ['raxx-console-prod', 'raxx-web']) await insert(app);
  await bed.rows.query(
    `insert into flag_promotions.heroku_requests (minutes)
     values (jsonb_build_object((floor(extract(epoch from flag_promotions.clock()) / 60)::bigint)::text, 1))
     on conflict (only_row) do update set minutes = excluded.minutes`,
  );
  heroku.forgetRequests();
  const said = await shown('shared');
  expect(said).toContain('*live on 0 of 2*, 2 not known');
  expect(said).toContain('Heroku request budget used up');
  expect(heroku.requests).toEqual([]);
});
