import * as z from 'zod';
import { appendAuditEvent } from './audit.js';
import type { Knex } from './connection.js';
import { CLOCK } from './leases.js';
import { DONE, NOWHERE } from './messages.js';
import type { Doer } from './operators.js';
import { OUTSIDE } from './paging.js';
import { parseRows, rowCount } from './rows.js';

/** What holds for every process that uses this database. */
export interface Installation {
  /** null: no app has started on it yet. */
  workspace(): Promise<string | null>;
  /** The same, with the database's clock: what a tick begins with. */
  workspaceNow(): Promise<{ readonly workspace: string | null; readonly now: Date }>;
  /** Claims it for this workspace if it is nobody's; answers whose it is. Of several at once, one succeeds. */
  claimWorkspace(teamId: string): Promise<string>;
  /**
   * Moves it to another workspace, with an audit event. The former channels are out of reach: open alerts are posted
   * again, everything else ends there. Answers the former workspace; null: none.
   */
  moveWorkspace(teamId: string, by: Doer): Promise<string | null>;
}

const SELECT = 'select slack_team_id from flag_promotions.installation';
const teamRow = z.object({ slack_team_id: z.string().nullable() });
const nowRow = teamRow.extend({ now: z.date() });

export function installation(knex: Knex): Installation {
  async function workspace(): Promise<string | null> {
    return parseRows(await knex.raw(SELECT), teamRow)[0]?.slack_team_id ?? null;
  }

  return {
    workspace,

    async workspaceNow() {
      const found = await knex.raw(`select ${CLOCK} as now, (${SELECT}) as slack_team_id`);
      const [row] = parseRows(found, nowRow);
      if (row === undefined) throw new Error('The clock had no row.');
      return { workspace: row.slack_team_id, now: row.now };
    },

    async claimWorkspace(teamId) {
      const before = await workspace();
      if (before !== null) return before;
      const claimed = await knex.raw(
        'update flag_promotions.installation set slack_team_id = ? where slack_team_id is null',
        [teamId],
      );
      if (rowCount(claimed) === 1) return teamId;
      const now = await workspace();
      if (now === null) throw new Error('The row of this installation is missing.');
      return now;
    },

    async moveWorkspace(teamId, by) {
      return knex.transaction(async (trx) => {
        const from = parseRows(await trx.raw(`${SELECT} for update`), teamRow)[0]?.slack_team_id ?? null;
        if (from === teamId) return from;
        await trx.raw('update flag_promotions.installation set slack_team_id = ?', [teamId]);
        if (from !== null) await leaveChannels(trx);
        await appendAuditEvent(trx, {
          ...by,
          action: 'console.flag.workspace.moved',
          promotionId: null,
          detail: { from, to: teamId },
        });
        return from;
      });
    },
  };
}

/** SQL: what to post again, about open alerts and promotions under way. The rest belongs to the old workspace. */
const TOLD_ANEW = `(m.kind in ('alert', 'group') and exists (
    select from flag_promotions.alerts a
     where a.closed_at is null and (a.promotion_id = m.promotion_id or a.group_id = m.id)))
  or (m.kind = 'progress' and m.shown_as is not distinct from 'deploying')`;

async function leaveChannels(trx: Knex.Transaction): Promise<void> {
  await trx.raw(
    `delete from flag_promotions.messages where goes_with_root or kind in ('home', 'confirm_enrolment', 'link_used', 'enrolment_ended', 'operator_notice')`,
  );
  await trx.raw(
    `with held as (
       select m.id, case when m.state = 'pending' or ${TOLD_ANEW} then 'pending' else 'closed' end as state
         from flag_promotions.messages m
        where m.state <> 'closed' and m.kind not in (${OUTSIDE}) order by m.id for update)
     update flag_promotions.messages m
        set state = held.state, ${NOWHERE}, shown = m.wanted, shown_as = null, not_before = null, ${DONE}
       from held where m.id = held.id`,
  );
}
