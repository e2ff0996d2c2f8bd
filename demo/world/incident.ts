import pg from 'pg';
import { openDatabase } from '../../src/db/database.js';
import { createAuditKeys } from '../../src/audit/keys.js';
import { newSecret } from '../../src/operators/enrolment-secrets.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import type { HerokuStandIn } from '../heroku/stand-in.js';

/** The incident of 2026-05-07 to 05-11, as its RCA tells it, and what else the team's console holds that day. */
export const FLAG = 'console_heroku_log_drain_alerting';
export const CONFIG_VAR = configVarOf(FLAG);
export const HEROKU_APP = 'raxx-console-prod';
/** Promoted a short while ago and never set: it alerts once the clock is moved. */
const STUCK_LATER = 'console_invoice_pdf';
const MARKED = 'console_bulk_export';
/** When an operator happened to look. */
const NOTICED_AT = '2026-05-11T14:18:00Z';

/** Before every seeded release. */
export const APP_CREATED_AT = '2026-04-20T08:30:00Z';

export type Shift = (at: string) => Date;

/** Moves the incident's times so that the moment at which somebody happened to look is `now`. */
export function shiftOf(now: Date): Shift {
  const by = now.getTime() - new Date(NOTICED_AT).getTime();
  return (at) => new Date(new Date(at).getTime() + by);
}

/** Heroku applied the change, three seconds after it was asked to. */
export function seedHeroku(heroku: HerokuStandIn, shift: Shift): void {
  heroku.seedRelease({
    app: HEROKU_APP,
    at: shift('2026-05-02T09:12:04Z'),
    user: 'mina@raxx.example',
    description: 'Deploy 3f9a1c2e',
    vars: {},
  });
  heroku.seedRelease({
    app: HEROKU_APP,
    at: shift('2026-05-09T04:28:31Z'),
    user: 'kris@raxx.example',
    description: `Set ${CONFIG_VAR} config vars`,
    vars: { [CONFIG_VAR]: 'true' },
  });
}

/** The rows as the console left them: the first is deploying, and nothing says how far it got. */
export async function insertPromotions(databaseUrl: string, shift: Shift, by: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const insert = (flag: string, state: string, markedAt: string, promotedAt: string | null) =>
    client.query(
      `insert into console_flag_promotions
         (flag_key, heroku_app, config_var, state, marked_by, marked_at, promoted_by, promoted_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        flag,
        HEROKU_APP,
        configVarOf(flag),
        state,
        by,
        shift(markedAt),
        promotedAt === null ? null : by,
        promotedAt === null ? null : shift(promotedAt),
      ],
    );
  try {
    await insert(FLAG, 'deploying', '2026-05-07T00:00:00Z', '2026-05-09T04:28:00Z');
    await insert(STUCK_LATER, 'deploying', '2026-05-11T11:40:00Z', '2026-05-11T12:03:00Z');
    await insert(MARKED, 'marked', '2026-05-11T13:55:00Z', null);
  } finally {
    await client.end();
  }
}

/** Makes somebody an operator; returns their authenticator's secret. */
export async function enrolOperator(
  databaseUrl: string,
  encryptionKey: Uint8Array,
  operator: { readonly slackUserId: string; readonly role: 'superadmin' | 'engineer' },
): Promise<string> {
  const db = openDatabase(databaseUrl, { auditKeys: createAuditKeys([encryptionKey]) });
  try {
    const secret = newSecret();
    const sealedSecret = createSecretBox(encryptionKey).seal(secret, operator.slackUserId);
    await db.operators.enrol({ ...operator, sealedSecret });
    return secret;
  } finally {
    await db.close();
  }
}

function configVarOf(flag: string): string {
  return `FLAG_${flag.toUpperCase()}`;
}
