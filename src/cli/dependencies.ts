import type { ResolveDependencies } from '../decisions/resolve.js';
import type { Thresholds } from '../promotions/stuck.js';

/** For commands that show promotions or act on them: everything but Slack. */
export interface CommandLine
  extends Pick<ResolveDependencies, 'db' | 'readEvidence' | 'configVars' | 'takesSecondPerson' | 'now'> {
  readonly thresholds: Thresholds;
  readonly rcaUrlHosts: readonly string[];
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
}

/** The same, and what checks codes. */
export interface DecidingCommandLine extends CommandLine, ResolveDependencies {}
