import type { TestBed } from './app.js';

/** What must never leave the app, by name: planted by the test bed, so that each run of the whole app looks for it. */
export type Canaries = ReadonlyMap<string, string>;

/** Everything that the app wrote or said, by where. */
async function whatWasTold(bed: TestBed): Promise<ReadonlyMap<string, string>> {
  // A test about an outage may leave nothing to read; then nothing was told there either.
  const rows = (sql: string) => bed.rows.query(sql).then(JSON.stringify, () => '');
  const metrics = await fetch(`${bed.baseUrl}/metrics`).then(
    (answer) => answer.text(),
    () => '',
  );
  return new Map([
    ['the log', bed.logged.join('')],
    // Without the hashes: among thousands, some contain six digits that are also a code's.
    ['the audit log', await rows('select at, action, actor, promotion_id, detail from flag_promotions.audit_log')],
    ['enrolments', await rows('select * from flag_promotions.enrolments')],
    ['recovery codes', await rows('select * from flag_promotions.recovery_codes')],
    ['errors kept in rows', await rows('select last_error, failure_reason from console_flag_promotions')],
    ['errors of deliveries', await rows('select last_error, detail from flag_promotions.messages')],
    // Names and labels: among the numbers, some have six digits.
    ['metrics', metrics.replaceAll(/ \S+$/gmu, '')],
    ['Slack', JSON.stringify(bed.slack.calls.map((call) => call.args))],
    ['what people see', JSON.stringify(Object.values(bed.slack.people).map((person) => person.ephemerals()))],
  ]);
}

/** Each canary that was told anywhere; empty if the app told none. */
export async function findLeaks(bed: TestBed, canaries: Canaries): Promise<readonly string[]> {
  const leaks: string[] = [];
  for (const [place, told] of await whatWasTold(bed)) {
    for (const [name, canary] of canaries) {
      // Six digits turn up in longer numbers and ids; a code stands alone.
      const found = /^\d{6}$/u.test(canary)
        ? new RegExp(`(?<!\\w|\\d\\.)${canary}(?!\\w|\\.\\d)`, 'u').test(told)
        : told.includes(canary);
      if (found) leaks.push(`${name} in ${place}`);
    }
  }
  return leaks;
}
