import { CURERS, type Curer, type Finding } from './finding.js';
import type { Judgement } from './judge.js';

/** It waits for others, but blocks nobody. */
const isPatient = (statement: string): boolean =>
  /^(?:create (?:unique )?index concurrently|drop index concurrently|analyze|grant)\b/u.test(statement);

/**
 * What others have to run, as a psql script: who first, and only what is missing. The table's users wait at most its
 * lock_timeout; building an index waits for others instead.
 */
export function scriptOf({ parties, findings }: Judgement, database: string): readonly string[] {
  const blocking = findings.filter(({ weight }) => weight === 'blocks');
  if (blocking.length === 0) return [`-- ${database}: nothing is missing for the role ${parties.role}.`];
  return [
    `-- What the role ${parties.role} needs in ${database} to run flag-promotions. Nothing was changed yet.`,
    '-- Run it with psql -v ON_ERROR_STOP=1, not in one transaction. If it stops, print it again: what is done is left out.',
    ...CURERS.flatMap((curer) => section(curer, parties.curers[curer], blocking)),
  ];
}

function section(curer: Curer, name: string, findings: readonly Finding[]): readonly string[] {
  const own = findings.filter(({ by }) => by === curer);
  if (own.length === 0) return [];
  const lines = ['', `-- As ${name}:`];
  let isBrief = false;
  for (const { says, sql } of own) {
    lines.push(`-- ${says}`);
    for (const statement of sql) {
      const brief = curer === 'table owner' && !isPatient(statement);
      if (brief !== isBrief) lines.push(brief ? "set lock_timeout = '2s';" : 'reset lock_timeout;');
      isBrief = brief;
      lines.push(`${statement};`);
    }
  }
  if (isBrief) lines.push('reset lock_timeout;');
  return lines;
}
