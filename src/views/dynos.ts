import type { DynoReport, Verification } from '../promotions/running.js';
import { code, key } from './text.js';

/** What the dynos say, in words: after the fact that a value is live, and alone. */

/** Follows `live`: ` · running on 2 of 2 dynos`. '': not checked, or not known yet. */
export function runningWords({ state, report, isTold }: Verification): string {
  switch (state) {
    case 'running':
    case 'crashed':
    case 'late':
    case 'scaled_to_zero':
      return report === null ? '' : reportWords(report);
    case 'forbidden':
      return isTold ? ' · can’t tell if it runs: HEROKU_API_KEY may not read dynos' : '';
    case 'unknown':
      return ' · can’t tell if it runs: Heroku didn’t say';
    case 'owed':
    case 'superseded':
      return '';
  }
}

/** Follows the fact that a value is live. At most six words, since an alert has few; `isBrief` saves another. */
export function reportWords(report: DynoReport, isBrief = false): string {
  switch (report.kind) {
    case 'running':
      return ` · running on ${report.total} of ${dynos(report.total)}`;
    case 'scaled_to_zero':
      return ' · scaled to zero: no dyno runs';
    case 'crashed':
      return `${isBrief ? ' ·' : ', but'} ${crashedWords(report)}`;
    case 'not_up':
      return `, but ${bareName(report.dyno)} isn’t up (${stateWord(report)})`;
  }
}

function dynos(count: number): string {
  return count === 1 ? '1 dyno' : `${count} dynos`;
}

function stateWord({ state }: Extract<DynoReport, { kind: 'not_up' }>): string {
  return code(state, 40);
}

/** Plain words for a lock screen: `web.1 crashed since v5`. */
export function crashedWords({ dyno, release }: Extract<DynoReport, { kind: 'crashed' }>): string {
  return `${bareName(dyno)} crashed since v${release}`;
}

export function lateWords(report: DynoReport): string {
  if (report.kind !== 'not_up') return 'its dynos aren’t up';
  return `${bareName(report.dyno)} isn’t up (${stateWord(report)}; ${report.up} of ${dynos(report.total)} are)`;
}

/** Heroku's names are plain; anything else is shown as code. */
export function bareName(dyno: string): string {
  return /^[\w-]{1,40}\.\d{1,6}$/u.test(dyno) ? dyno : key(dyno, 60);
}
