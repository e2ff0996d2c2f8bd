import type { Scheduler } from './scheduler.js';

/** What happened, a line each; empty unless wanted. */
export interface Trace {
  readonly lines: readonly string[];
  readonly note: (line: string) => void;
}

export function createTrace(scheduler: Scheduler, isWanted: boolean): Trace {
  const lines: string[] = [];
  return {
    lines,
    note(line) {
      if (isWanted) lines.push(`${(scheduler.nowMs / 1000).toFixed(3).padStart(9)} s  ${line}`);
    },
  };
}
