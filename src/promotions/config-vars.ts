import { matchesGlob } from './glob.js';

/** Which config vars this app may set. */
export interface AllowedConfigVars {
  /** As the setting has them: `FLAG_*`. */
  readonly patterns: readonly string[];
  maySet(configVar: string): boolean;
}

export function allowedConfigVars(patterns: readonly string[]): AllowedConfigVars {
  return { patterns, maySet: (configVar) => patterns.some((pattern) => matchesGlob(pattern, configVar)) };
}
