import { matchesGlob } from './glob.js';

export interface AllowedConfigVars {
  /** As in the setting: `FLAG_*`. */
  readonly patterns: readonly string[];
  maySet(configVar: string): boolean;
}

export function allowedConfigVars(patterns: readonly string[]): AllowedConfigVars {
  return { patterns, maySet: (configVar) => patterns.some((pattern) => matchesGlob(pattern, configVar)) };
}
