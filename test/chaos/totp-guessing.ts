import { setTimeout as sleep } from 'node:timers/promises';
import { FAILURES_TO_LOCK, lockMs } from '../../src/operators/totp.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { misshownAsCompleted } from './owed.js';
import { pick, type Report, type Scenario } from './scenario.js';
import { interaction, newTrigger, signed } from './signed.js';

/**
 * Guesses codes for many operators at once, over three replicas, and again after each lock. Each round checks exactly
 * five wrong codes, however many come at the same moment. Each lock lasts twice as long as the one before.
 */
export const totpGuessing: Scenario = { name: 'totp-guessing', run };

const OPERATORS = 20;
const GUESSES = 25;
/** Operators attacked at the same moment: guesses for more would wait for the one row longer than the app lets them. */
const AT_ONCE = 2;
const ROUNDS = 3;

async function run(random: () => number): Promise<Report> {
  const bed = await startTestBed({
    patience: 1,
    startAt: '2026-05-10T05:00:00Z',
    withoutHeroku: true,
    // Locks are checked to the millisecond.
    databaseClockStands: true,
  });
  const ports = [bed.app, await bed.replica(), await bed.replica()].map(({ port }) => port);
  await bed.rows.insertDeploying();
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'mark_completed');
  const form = await superadmin.waitForModal((view) => view.raw['submit'] !== null);
  const operators = Array.from({ length: OPERATORS }, (_, index) => `U0OPERATOR${String(index).padStart(3, '0')}`);
  for (const operator of operators) await bed.enrol(operator);

  const submit = async (operator: string, code: string): Promise<string> => {
    const body = interaction({
      type: 'view_submission',
      user: { id: operator, team_id: bed.slack.teamId },
      team: { id: bed.slack.teamId },
      trigger_id: newTrigger(),
      view: { ...form.raw, state: { values: { code: { input: { type: 'plain_text_input', value: code } } } } },
    });
    const url = `http://127.0.0.1:${pick(random, ports)}/slack/events`;
    const answer = await fetch(url, signed(body, bed.slack.signingSecret));
    return `${answer.status} ${await answer.text()}`;
  };

  const wrong = {
    'wrong codes counted too few or too many': 0,
    'refusals while locked too few or too many': 0,
    'operators whose lock ends at another time': 0,
    'right codes let in while locked': 0,
    'right codes refused after the lock': 0,
    'answers with a fault': 0,
    'codes not looked at': 0,
    'broken audit chains': 0,
    'what Slack shows wrongly in the end': 0,
  };
  let tried = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const answers: string[] = [];
    for (let first = 0; first < OPERATORS; first += AT_ONCE) {
      const guesses = operators
        .slice(first, first + AT_ONCE)
        .flatMap((operator) => Array.from({ length: GUESSES }, () => operator));
      answers.push(
        ...(await Promise.all(guesses.map((operator) => submit(operator, wrongCode(bed, operator, random))))),
      );
      tried += guesses.length;
      await allLookedAt(bed, tried + (round - 1) * OPERATORS);
    }
    wrong['answers with a fault'] += answers.filter((answer) => !answer.startsWith('200')).length;
    wrong['codes not looked at'] += answers.filter((answer) =>
      /not known whether|Nothing was saved/u.test(answer),
    ).length;
    const until = new Date(bed.clock.now().getTime() + lockMs(round - 1));
    for (const operator of operators) {
      const counts = await refusals(bed, operator);
      wrong['wrong codes counted too few or too many'] += Math.abs(counts.wrong - round * FAILURES_TO_LOCK);
      const locked = round * (GUESSES - FAILURES_TO_LOCK) + (round - 1);
      wrong['refusals while locked too few or too many'] += Math.abs(counts.locked - locked);
      if (!(await isLockedUntil(bed, operator, until))) wrong['operators whose lock ends at another time'] += 1;
    }
    // The right code at the lock's very last moment; then the lock is over, and the count restarts.
    await bed.clock.advance(lockMs(round - 1) - 1);
    await Promise.all(operators.map((operator) => submit(operator, bed.code(operator))));
    const [row] = await bed.rows.query<{ state: string }>('select state from console_flag_promotions');
    if (row?.state !== 'deploying') wrong['right codes let in while locked'] += 1;
    await bed.clock.advance(1);
  }
  const last = operators.at(-1) ?? '';
  const accepted = await submit(last, bed.code(last));
  const [row] = await bed.rows.query<{ by: string | null }>('select resolved_by as by from console_flag_promotions');
  if (accepted !== '200 ' || row?.by !== last) wrong['right codes refused after the lock'] += 1;
  if (!(await bed.db.audit.verify()).intact) wrong['broken audit chains'] += 1;
  const refused = await countRefused(bed);
  wrong['what Slack shows wrongly in the end'] = await misshownAsCompleted(bed);
  await bed.close();
  return {
    did: `${ROUNDS * OPERATORS * GUESSES} wrong codes of ${OPERATORS} operators in ${ROUNDS} rounds, over ${ports.length} replicas`,
    wrong,
    happened: { 'codes refused': { times: refused, atLeast: ROUNDS * OPERATORS * GUESSES } },
  };
}

async function isLockedUntil(bed: TestBed, operator: string, until: Date): Promise<boolean> {
  const [row] = await bed.rows.query<{ until: Date | null; n: number }>(
    'select locked_until as until, totp_failed_attempts as n from flag_promotions.operators where slack_user_id = $1',
    [operator],
  );
  return row?.until?.getTime() === until.getTime() && row.n === FAILURES_TO_LOCK;
}

/** Each wrong code has an event; of those during a lock only the hour's first, with a counter for the rest. */
const REFUSED = `select e.actor, e.detail ->> 'reason' as reason, coalesce(d.times, 1) as times
                   from flag_promotions.audit_log e left join flag_promotions.denials d on d.event_id = e.id
                  where e.action like '%totp_rejected'
                  union all
                 select actor, detail ->> 'reason', (detail ->> 'times')::bigint - 1
                   from flag_promotions.audit_log where action like '%denied_again'`;

async function countRefused(bed: TestBed): Promise<number> {
  const [row] = await bed.rows.query<{ n: number }>(`select sum(times)::int as n from (${REFUSED}) as refused`);
  return row?.n ?? 0;
}

/** On a slow machine a form is answered before its code was checked. */
async function allLookedAt(bed: TestBed, count: number): Promise<void> {
  for (let looks = 0; (await countRefused(bed)) < count && looks < 100; looks += 1) await sleep(100);
}

/** Six digits that no authenticator shows around now. */
function wrongCode(bed: TestBed, operator: string, random: () => number): string {
  const near = [-2, -1, 0, 1, 2].map((steps) => bed.code(operator, steps));
  for (;;) {
    const guess = String(Math.floor(random() * 1_000_000)).padStart(6, '0');
    if (!near.includes(guess)) return guess;
  }
}

async function refusals(bed: TestBed, operator: string): Promise<{ readonly wrong: number; readonly locked: number }> {
  const [counts] = await bed.rows.query<{ wrong: number; locked: number }>(
    `select coalesce(sum(times) filter (where reason = 'wrong'), 0)::int as wrong,
            coalesce(sum(times) filter (where reason = 'locked'), 0)::int as locked
       from (${REFUSED}) as refused where actor = $1`,
    [operator],
  );
  return counts ?? { wrong: -1, locked: -1 };
}
