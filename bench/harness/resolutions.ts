import { randomInt } from 'node:crypto';
import { generateSync } from 'otplib';
import pg from 'pg';
import { z } from 'zod';
import { newSecret } from '../../src/operators/enrolment-secrets.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { ACTION } from '../../src/views/ids.js';
import { ENCRYPTION_KEY } from './app.js';
import type { InstantSlack } from './instant-slack.js';
import { click, FORM_FIELDS, post, type Sender, submission } from './requests.js';

/** A stuck promotion, and an operator with an unused authenticator: a time step is accepted once. */
export interface Case {
  readonly promotionId: string;
  readonly operatorId: string;
  readonly secret: string;
}

/** Ids that no other number in a statement looks like. */
const IDS = [700_000_000, 800_000_000] as const;

/**
 * Writes cases whose alerts are already posted, each in its own channel, because a channel takes one message a second.
 * By SQL, so that it also works with an earlier version's schema.
 */
export async function prepareCases(databaseUrl: string, count: number): Promise<Case[]> {
  const firstId = randomInt(...IDS);
  const box = createSecretBox(ENCRYPTION_KEY);
  /** Without the key's id: every build reads that, and the earlier one nothing else. */
  const seal = (secret: string, operatorId: string) => box.seal(secret, operatorId).replace(`${box.sealsWith}.`, '');
  const cases = Array.from({ length: count }, (_, index) => ({
    promotionId: String(firstId + index),
    operatorId: `U0BENCH${firstId + index}`,
    secret: newSecret(),
  }));
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `insert into console_flag_promotions (id, flag_key, heroku_app, config_var, state, promoted_at)
      select $1::bigint + n, 'flag_' || n, 'app', 'FLAG_' || n, 'deploying', now() - interval '13 hours'
        from generate_series(0, $2::int - 1) n`,
    [firstId, count],
  );
  await client.query(
    `insert into flag_promotions.alerts (promotion_id, severity) select id, 'warning' from console_flag_promotions where id >= $1::bigint`,
    [firstId],
  );
  await client.query(
    `insert into flag_promotions.messages (kind, subject, promotion_id, state, channel, message_ts, shown_as, posted_at)
      select 'alert', id::text, id, 'posted', 'C0CASE' || id, id || '.1', 'warning', now() from console_flag_promotions where id >= $1::bigint`,
    [firstId],
  );
  await client.query(
    `insert into flag_promotions.operators (slack_user_id, role, totp_secret_encrypted)
      select id, 'superadmin', secret from unnest($1::text[], $2::text[]) as o (id, secret)`,
    [cases.map(({ operatorId }) => operatorId), cases.map(({ operatorId, secret }) => seal(secret, operatorId))],
  );
  await client.query('vacuum analyze');
  await client.end();
  return cases;
}

const openedView = z.object({ private_metadata: z.string().optional() });

/** Clicks *Mark completed*; resolves with the form's metadata once the app has opened it. */
export async function openForm(appUrl: string, slack: InstantSlack, one: Case): Promise<string> {
  const triggerId = `trigger.${one.promotionId}`;
  const sender: Sender = { userId: one.operatorId, responseUrl: slack.responseUrl, triggerId };
  const opened = slack.nextCall('views.open', triggerId);
  // With a slow database a placeholder opens first, and the form replaces it.
  const updated = slack.nextCall('views.update', one.promotionId);
  await post(`${appUrl}/slack/events`, click(ACTION.markCompleted, one.promotionId, sender));
  const form = formIn(await opened) ?? formIn(await updated);
  if (form === undefined) throw new Error('The app opened no form.');
  return form;
}

function formIn(call: string): string | undefined {
  return openedView.parse(JSON.parse(new URLSearchParams(call).get('view') ?? '')).private_metadata;
}

/** Submits the form; resolves once it closes, which is after the commit. @throws if it doesn't close */
export async function submitForm(appUrl: string, one: Case, privateMetadata: string): Promise<void> {
  const fields = { [FORM_FIELDS.code]: generateSync({ secret: one.secret }), [FORM_FIELDS.note]: '' };
  const answer = await post(`${appUrl}/slack/events`, submission(privateMetadata, fields, { userId: one.operatorId }));
  if (answer !== '') throw new Error(`The form did not close: ${answer}`);
}
