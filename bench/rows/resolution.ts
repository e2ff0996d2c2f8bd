import { randomInt } from 'node:crypto';
import { generateSync } from 'otplib';
import pg from 'pg';
import { z } from 'zod';
import { openDatabase } from '../../src/db/database.js';
import { newSecret } from '../../src/operators/enrolment-secrets.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { ACTION } from '../../src/views/ids.js';
import type { Statement } from '../../test/support/frontend-messages.js';
import { tapStatements } from '../../test/support/statements.js';
import { ENCRYPTION_KEY, startBuiltApp } from '../harness/app.js';
import { compared, type Figure } from '../harness/figures.js';
import { type InstantSlack, startInstantSlack } from '../harness/instant-slack.js';
import { click, FORM_FIELDS, post, submission } from '../harness/requests.js';
import { alternate } from '../harness/rounds.js';
import type { Bench, Row } from '../harness/row.js';

const ROUNDS = 7;
const RESOLUTIONS = 60;
const AT_ONCE = 4;

/** From the click on an alert's button until the submitted form closes, which it does after the commit. */
export const resolution: Row = {
  name: 'resolution',
  how: `From the signed click on \`Mark completed\` over the form that the app opens to the answer of its submission, which comes after the commit; each resolution by an operator of its own, because a time step is accepted once. ${AT_ONCE} at a time, without Heroku. Against it: the very statements that one resolution was seen to send (${'`'}test/support/statements.ts${'`'} listens in on the wire), ids replaced, over ${AT_ONCE} connections of bare pg, without HTTP, signatures, forms and Slack.`,
  async measure({ server, say }: Bench): Promise<readonly Figure[]> {
    const slack = await startInstantSlack();
    const databaseUrl = await server.fresh('bench_resolution', 'migrated');
    const app = await startBuiltApp({ databaseUrl, slack });
    const cases = await prepare(databaseUrl, (ROUNDS + 1) * 2 * RESOLUTIONS + 1);
    const take = (count: number): readonly Case[] => cases.splice(0, count);

    const seen = await statementsOfOne(databaseUrl, slack, take(1)[0]);
    say(`resolving, ${seen.statements.length} statements each`);
    const clients = await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const client = new pg.Client({ connectionString: databaseUrl });
        await client.connect();
        return client;
      }),
    );
    const contenders = [
      {
        name: 'ours',
        measure: () => rate(take(RESOLUTIONS), async (one) => void (await resolve(app.url, slack, one))),
      },
      {
        name: 'bare',
        measure: () => rate(take(RESOLUTIONS), (one, worker) => replay(clients[worker], seen, one)),
      },
    ];
    await alternate(1, contenders);
    const measured = await alternate(ROUNDS, contenders);
    const values = (name: string) => (measured.get(name) ?? []).map(({ perSecond }) => perSecond);
    await Promise.all(clients.map((client) => client.end()));
    await app.stop();
    await slack.close();
    return [
      compared({
        what: 'a whole resolution, click to commit',
        against: `the same ${seen.statements.length} SQL statements in bare pg`,
        unit: '/s',
        ours: values('ours'),
        theirs: values('bare'),
        toReach: { atLeast: 0.6 },
      }),
    ];
  },
};

/** A promotion that hangs, and an operator whose authenticator has not been used yet. */
interface Case {
  readonly promotionId: string;
  readonly operatorId: string;
  readonly secret: string;
}

async function prepare(databaseUrl: string, count: number): Promise<Case[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  // Ids that no other number in a statement will be taken for.
  const firstId = randomInt(700_000_000, 800_000_000);
  await client.query(
    `insert into console_flag_promotions (id, flag_key, heroku_app, config_var, state, promoted_at)
      select $1::bigint + n, 'flag_' || n, 'app', 'FLAG_' || n, 'deploying', now() - interval '13 hours'
        from generate_series(0, $2::int - 1) n`,
    [firstId, count],
  );
  await client.query(
    `insert into flag_promotions.alerts (promotion_id, severity) select id, 'warning' from console_flag_promotions;
     insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as, posted_at)
      select 'alert', id::text, id, 'posted', 'C0ALERTS', id || '.1', 'warning', now() from console_flag_promotions`,
  );
  await client.query('vacuum analyze');
  await client.end();
  const db = openDatabase(databaseUrl);
  const box = createSecretBox(ENCRYPTION_KEY);
  const cases = Array.from({ length: count }, (_, index) => ({
    promotionId: String(firstId + index),
    operatorId: `U0BENCH${firstId + index}`,
    secret: newSecret(),
  }));
  for (const { operatorId, secret } of cases) {
    await db.operators.enrol({
      slackUserId: operatorId,
      role: 'superadmin',
      sealedSecret: box.seal(secret, operatorId),
    });
  }
  await db.close();
  return cases;
}

const openedView = z.object({ private_metadata: z.string() });

async function resolve(appUrl: string, slack: InstantSlack, one: Case): Promise<void> {
  const url = `${appUrl}/slack/events`;
  const triggerId = `trigger.${one.promotionId}`;
  const sender = { userId: one.operatorId, responseUrl: slack.responseUrl, triggerId };
  const opened = slack.nextCall('views.open', triggerId);
  await post(url, click(ACTION.markCompleted, one.promotionId, sender));
  const view = openedView.parse(JSON.parse(new URLSearchParams(await opened).get('view') ?? ''));
  const fields = { [FORM_FIELDS.code]: generateSync({ secret: one.secret }), [FORM_FIELDS.note]: '' };
  const answer = await post(url, submission(view.private_metadata, fields, sender));
  if (answer !== '') throw new Error(`The form did not close: ${answer}`);
}

interface Seen {
  readonly statements: readonly Statement[];
  readonly of: Case;
}

/** What one resolution asks of the database, from its click until its form closes. */
async function statementsOfOne(databaseUrl: string, slack: InstantSlack, one: Case | undefined): Promise<Seen> {
  if (one === undefined) throw new Error('There is nothing to resolve.');
  const tap = await tapStatements(databaseUrl);
  const app = await startBuiltApp({ databaseUrl: tap.url, slack });
  await fetch(`${app.url}/readyz`);
  const before = tap.statements.length;
  await resolve(app.url, slack, one);
  const statements = tap.statements.slice(before);
  // What follows the commit brings Slack up to date, and is not waited for.
  const end = statements.findLastIndex(({ sql }) => /^commit/iu.test(sql));
  await app.kill();
  await tap.close();
  return { statements: statements.slice(0, end + 1), of: one };
}

async function replay(client: pg.Client | undefined, { statements, of }: Seen, one: Case): Promise<void> {
  const replaced = new Map([
    [of.promotionId, one.promotionId],
    [of.operatorId, one.operatorId],
  ]);
  for (const { sql, values } of statements) {
    const own = values.map((value) => (value === null ? null : (replaced.get(value) ?? value)));
    await client?.query(sql, own);
  }
}

async function rate(
  cases: readonly Case[],
  work: (one: Case, worker: number) => Promise<void>,
): Promise<{ perSecond: number }> {
  const startedAt = performance.now();
  const left = cases.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => {
      for (const one of left) await work(one, worker);
    }),
  );
  return { perSecond: (cases.length * 1000) / (performance.now() - startedAt) };
}
