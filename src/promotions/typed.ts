/** What people and their keyboards put around a key, an id or a link: any quotes, backticks, angle brackets, and # before. */
const QUOTES = '"\'`´“”„‟«»‹›‘’‚‛';
const BEFORE = new RegExp(`^(?:[\\s<#${QUOTES}]|&lt;)+`, 'u');
const AFTER = new RegExp(`(?:[\\s>${QUOTES}]|&gt;)+$`, 'u');

/** A key or an id without that. No flag key, app name or id begins or ends so. */
export function bare(typed: string): string {
  return typed.replace(BEFORE, '').replace(AFTER, '');
}

/** The same of a link, which may end like a quote unless it began like one. */
export function bareLink(typed: string): string {
  return BEFORE.test(typed.trim()) ? bare(typed) : typed;
}
