import pg from 'pg';
import { openDatabase } from '../src/db/database.js';
import { newSecret } from '../src/operators/enrolment.js';
import { createSecretBox } from '../src/operators/secret-box.js';

/** The incident of 2026-05-07 to 05-11, as its RCA tells it. */
export const FLAG = 'console_heroku_log_drain_alerting';
export const CONFIG_VAR = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';
export const HEROKU_APP = 'raxx-console-prod';
/** When an operator happened to look. */
const NOTICED_AT = '2026-05-11T14:18:00Z';

/** Moves the incident's times so that the moment at which somebody happened to look is `now`. */
export function shiftOf(now: Date): (at: string) => Date {
  const by = now.getTime() - new Date(NOTICED_AT).getTime();
  return (at) => new Date(new Date(at).getTime() + by);
}

/** The row as the console left it: deploying, with nothing that says how far it came. */
export async function insertIncident(
  databaseUrl: string,
  shift: (at: string) => Date,
  promotedBy: string,
): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into console_flag_promotions
         (flag_key, heroku_app, config_var, state, marked_by, marked_at, promoted_by, promoted_at)
       values ($1, $2, $3, 'deploying', $4, $5, $4, $6)`,
      [FLAG, HEROKU_APP, CONFIG_VAR, promotedBy, shift('2026-05-07T00:00:00Z'), shift('2026-05-09T04:28:00Z')],
    );
  } finally {
    await client.end();
  }
}

/** Makes somebody a superadmin; answers the secret that their authenticator would hold. */
export async function enrolOperator(
  databaseUrl: string,
  encryptionKey: Uint8Array,
  slackUserId: string,
): Promise<string> {
  const db = openDatabase(databaseUrl);
  try {
    const secret = newSecret();
    const sealedSecret = createSecretBox(encryptionKey).seal(secret, slackUserId);
    await db.operators.enrol({ slackUserId, role: 'superadmin', sealedSecret });
    return secret;
  } finally {
    await db.close();
  }
}
