/** What people and keyboards put around a key, an id or a link: quotes, backticks, angle brackets, and # before. */
const QUOTES = '"\'`´“”„‟«»‹›‘’‚‛';
const BEFORE = new RegExp(`^(?:[\\s<#${QUOTES}]|&lt;)+`, 'u');
const AFTER = new RegExp(`(?:[\\s>${QUOTES}]|&gt;)+$`, 'u');

/** The key or id without that. No flag key, app name or id begins or ends with those. */
export function bare(typed: string): string {
  return typed.replace(BEFORE, '').replace(AFTER, '');
}

/** The same for a link, which may end in a quote unless it began with one. */
export function bareLink(typed: string): string {
  return BEFORE.test(typed.trim()) ? bare(typed) : typed;
}
