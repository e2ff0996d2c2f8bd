/* What Node and the packages print on request, bypassing the app's own log: headers with tokens, and stored data. */

/**
 * Sections of NODE_DEBUG (https://nodejs.org/api/util.html#utildebuglogsection-callback) that print what is sent, or
 * where to.
 */
const NODE_SECTIONS = ['http', 'https', 'http2', 'net', 'tls', 'stream', 'undici', 'fetch', 'websocket'];
/** Names of the package `debug`, and heroku-client's own `http`. */
const PACKAGE_NAMES = [
  'http',
  'https',
  'knex:query',
  'knex:bindings',
  'knex:client',
  'knex:tx',
  'knex:pool',
  'express:router',
  'body-parser:json',
  'follow-redirects',
  '@slack/bolt',
  'bolt-app',
  'agent-base',
  'http-proxy-agent',
  'https-proxy-agent',
];

/** Why the app must not run with this NODE_DEBUG and DEBUG, one sentence each. */
export function debugFaults(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const nodeDebug = environment['NODE_DEBUG'] ?? '';
  const debug = environment['DEBUG'] ?? '';
  return [
    ...(asksFor(nodeDebug.split(','), NODE_SECTIONS) ? [faultOf('NODE_DEBUG', nodeDebug)] : []),
    ...(asksFor(debug.split(/[\s,]+/u), PACKAGE_NAMES) ? [faultOf('DEBUG', debug)] : []),
  ];
}

const faultOf = (name: string, value: string): string =>
  `${name}=${value.slice(0, 60)} would print tokens and what people type: unset it`;

/** `*` in a pattern stands for anything; a leading `-` excludes names again. */
function asksFor(patterns: readonly string[], names: readonly string[]): boolean {
  const given = patterns.map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');
  const matches = (name: string) => (pattern: string) => toRegExp(pattern).test(name);
  const taken = given.filter((pattern) => pattern.startsWith('-')).map((pattern) => pattern.slice(1));
  const asked = given.filter((pattern) => !pattern.startsWith('-'));
  return names.some((name) => asked.some(matches(name)) && !taken.some(matches(name)));
}

function toRegExp(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`));
  return new RegExp(`^${parts.join('.*')}$`, 'iu');
}
