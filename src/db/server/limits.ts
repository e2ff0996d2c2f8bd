/** Lifted for a migration, if the server has them: PostgreSQL 14 brought one, 17 another. */
const LIMITS = [
  'statement_timeout',
  'lock_timeout',
  'idle_session_timeout',
  'idle_in_transaction_session_timeout',
  'transaction_timeout',
];
/** So that the server notices within half a minute that our host vanished, and releases its locks. */
const KEEP_ALIVE = { tcp_keepalives_idle: 10, tcp_keepalives_interval: 5, tcp_keepalives_count: 4 };

/** If off, PostgreSQL refuses to read a table that has any policy. We check by ourselves whether rows are hidden. */
const POLICIES = { row_security: 'on' };

const wanted = [...LIMITS.map((name) => [name, 0]), ...Object.entries({ ...KEEP_ALIVE, ...POLICIES })]
  .map(([name, value]) => `('${name}', '${value}')`)
  .join(', ');

/** SQL: lifts the account's time limits and its setting of row_security, for the session or only for its transaction. */
export const liftLimits = (span: 'session' | 'transaction'): string =>
  `select set_config(name, wanted.value, ${span === 'transaction'})
     from (values ${wanted}) as wanted (name, value) where current_setting(name, true) is not null`;

/** SQLSTATEs of a limit that was reached, with its setting: query_canceled, lock_not_available, transaction_timeout. */
export const LIMIT_REACHED: Readonly<Record<string, string>> = {
  '57014': 'statement_timeout',
  '55P03': 'lock_timeout',
  '25P04': 'transaction_timeout',
};
