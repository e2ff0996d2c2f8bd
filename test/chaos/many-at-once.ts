import { performance } from 'node:perf_hooks';
import { z } from 'zod';
import type { EphemeralMessage, Person } from '../../demo/slack/workspace.js';
import { STUCK_PAGE_SIZE } from '../../src/views/list.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { countOwed } from './owed.js';
import { pick, type Report, type Scenario } from './scenario.js';

/**
 * A thousand promotions get stuck in the same minute, on three replicas that tick together; some turn critical, and
 * another system ends all of them. Slack's own limit judges the posts: a message a second and channel.
 */
export const manyAtOnce: Scenario = { name: 'many-at-once', run };

const PROMOTIONS = 1_000;
const INDIVIDUAL = 10;
const MENTION = '<!subteam^S0123456789>';
const GROUP = 'promotions are stuck';
const PAGES_TURNED = 20;
/** A tick may wait for what the one before left; more than that means that something is stuck itself. */
const TICKS_TO_SETTLE = 8;

async function run(random: () => number): Promise<Report> {
  const bed = await startTestBed({
    startAt: '2026-05-09T16:27:00Z',
    environment: { SLACK_CRITICAL_MENTION: MENTION },
  });
  const replicas = [bed.app, await bed.replica(), await bed.replica()];
  const tick = () => Promise.all(replicas.map((replica) => replica.tick()));
  await bed.rows.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, marked_at, promoted_by, promoted_at)
      select 'flag_' || n, 'raxx-console-prod', 'FLAG_' || n, 'deploying', '2026-05-07T00:00:00Z', 'kris@raxx.example',
             timestamptz '2026-05-09T04:28:00Z' + n * interval '50 milliseconds' from generate_series(1, $1::int) n`,
    [PROMOTIONS],
  );
  const { alerts } = bed.slack.channels;

  await bed.clock.set('2026-05-09T16:29:00Z');
  const startedAt = performance.now();
  await tick();
  const seconds = (performance.now() - startedAt) / 1_000;
  await settle(bed, tick);
  const first = await bed.slack.messages(alerts);
  const group = first.find(({ text }) => text.includes(GROUP));
  const individual = first.filter((message) => message !== group);
  const expected = new Set(Array.from({ length: INDIVIDUAL }, (_, index) => `flag_${index + 1}`));
  const listed = await listedBehind(bed);

  // Every one turns critical: one reply names those in the group.
  await bed.clock.set('2026-05-10T04:29:30Z');
  await tick();
  await settle(bed, tick);
  const namings = (await bed.slack.thread(alerts, group?.ts ?? '')).filter(({ text }) => text.includes(MENTION));
  const shown = (await bed.slack.messages(alerts)).filter(({ ts }) => namings.some((naming) => naming.ts === ts));

  // Somebody resolves one with a code; another system ends the others, some first, then all.
  const marked = await markOne(bed, pick(random, [0, 1, 2]));
  await bed.rows.query(
    `update console_flag_promotions set state = 'deployed', deployed_at = now() where state = 'deploying' and id % 3 = 0`,
  );
  await tick();
  await settle(bed, tick);
  const between = JSON.stringify((await bed.slack.messages(alerts)).find(({ ts }) => ts === group?.ts)?.blocks);
  await bed.rows.query(
    `update console_flag_promotions set state = 'failed', failed_at = now() where state = 'deploying'`,
  );
  await tick();
  await settle(bed, tick);
  const last = (await bed.slack.messages(alerts)).find(({ ts }) => ts === group?.ts);
  const thread = await bed.slack.thread(alerts, group?.ts ?? '');
  const [left] = await bed.rows.query<{ open: number }>(
    'select count(*)::int as open from flag_promotions.alerts where closed_at is null',
  );
  const owed = await countOwed(bed.rows);
  const posts = bed.slack.calls.filter(({ method }) => method === 'chat.postMessage');
  const limited = bed.slack.calls.filter(({ status }) => status === 429);
  const roots = (await bed.slack.messages(alerts)).filter(({ threadTs }) => threadTs === null);
  await bed.close();
  return {
    did: `${PROMOTIONS} promotions stuck in one minute, ${replicas.length} replicas: all visible after ${seconds.toFixed(1)} s; ${posts.length} posts and ${bed.slack.calls.filter(({ method }) => method === 'chat.update').length} edits in all`,
    wrong: {
      'seconds over 60 until all were visible': Math.max(0, Math.ceil(seconds - 60)),
      'groups too few or too many': Math.abs(roots.length - individual.length - 1),
      'the oldest without an individual alert, or others with one':
        Math.abs(individual.length - INDIVIDUAL) + individual.filter(({ text }) => !expected.has(flagIn(text))).length,
      'promotions not behind the group': PROMOTIONS - INDIVIDUAL - listed.size,
      'replies that name criticals too few or too many': Math.abs(namings.length - 1),
      'criticals not named': Math.abs(
        PROMOTIONS - INDIVIDUAL - namings.reduce((sum, { text }) => sum + namedIn(text), 0),
      ),
      'replies that the channel does not see': namings.length - shown.length,
      'marks from the list that failed': marked ? 0 : 1,
      'groups that did not follow': /ended so far: \d+ completed/u.test(between ?? '') ? 0 : 1,
      'groups that do not say that all ended': JSON.stringify(last?.blocks).includes('All ended') ? 0 : 1,
      // What named the criticals, and what a person ended.
      'replies in the group’s thread too few or too many': Math.abs(thread.length - namings.length - 1),
      'alerts open still': left?.open ?? -1,
      'messages left unsettled': owed,
      '429s': limited.length,
    },
    happened: { posts: { times: posts.length, atLeast: INDIVIDUAL + 1 } },
  };
}

/** How many criticals a reply names. */
const namedIn = (text: string): number => Number(/(\d+) promotions? stuck/u.exec(text)?.[1] ?? 0);
const flagIn = (text: string): string => /flag_\d+/u.exec(text)?.[0] ?? 'none';

async function settle(bed: TestBed, tick: () => Promise<unknown>): Promise<void> {
  for (let ticks = 0; ticks < TICKS_TO_SETTLE; ticks += 1) {
    if ((await countOwed(bed.rows)) === 0) return;
    await tick();
  }
}

const withButtons = z.object({ elements: z.array(z.object({ action_id: z.string(), value: z.string().optional() })) });

function valuesOf(page: EphemeralMessage, actionId: string): string[] {
  const buttons = page.blocks.flatMap((block) => withButtons.safeParse(block).data?.elements ?? []);
  return buttons.flatMap((button) => (button.action_id === actionId ? [button.value ?? ''] : []));
}

/** The list behind the group as a person sees it, page by page, until `enough` or the last page. */
async function turnPages(bed: TestBed, person: Person, enough: (page: EphemeralMessage) => boolean) {
  const group = (await bed.slack.messages(bed.slack.channels.alerts)).find(({ text }) => text.includes(GROUP));
  if (group === undefined) return null;
  await person.click(group, 'group_page');
  let page = await person.waitForEphemeral();
  while (!enough(page)) {
    const before = JSON.stringify(page.blocks);
    if (!before.includes('Newer')) break;
    await person.click(page, 'group_page', { value: valuesOf(page, 'group_page').at(-1) ?? '' });
    page = await person.waitForEphemeral((shown) => JSON.stringify(shown.blocks) !== before);
  }
  return page;
}

/** The flags behind the group: the first pages as a person turns them, the others as they are read. */
async function listedBehind(bed: TestBed): Promise<ReadonlySet<string>> {
  const seen = new Set<string>();
  let pages = 0;
  await turnPages(bed, bed.slack.people.engineer, (page) => {
    for (const [flag] of JSON.stringify(page.blocks).matchAll(/flag_\d+/gu)) seen.add(flag);
    return ++pages === PAGES_TURNED;
  });
  const rest = { offset: PAGES_TURNED * STUCK_PAGE_SIZE, limit: PROMOTIONS };
  const [group] = await bed.rows.query<{ id: string }>(`select id from flag_promotions.messages where kind = 'group'`);
  for (const { promotion } of (await bed.db.groups.members(group?.id ?? '0', rest)).rows) seen.add(promotion.flagKey);
  return seen;
}

/** Whether a superadmin could mark one in the list as failed, on the page after so many others. */
async function markOne(bed: TestBed, pagesBefore: number): Promise<boolean> {
  const { superadmin } = bed.slack.people;
  let turned = 0;
  const page = await turnPages(bed, superadmin, () => turned++ === pagesBefore);
  if (page === null) return false;
  const [promotionId = ''] = valuesOf(page, 'mark_failed');
  await superadmin.click(page, 'mark_failed', { value: promotionId });
  await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Not live.*'));
  const outcome = await superadmin.submit({ note: 'Never took.', code: bed.code(superadmin.id) });
  const [row] = await bed.rows.query<{ state: string }>(`select state from console_flag_promotions where id = $1`, [
    promotionId,
  ]);
  return outcome.kind === 'closed' && row?.state === 'failed';
}
