import { guard, type Refused, ROW, table, testTables, trigger, type Works } from '../support/console-tables.js';

/* Tables that few consoles have: test/support/console-tables.ts says what must hold for each. */

jest.setTimeout(60_000);

/** The stuck promotion's row, made before it began. */
const ROW_OF_BEFORE = ROW.replace('(flag_key', '(created_at, flag_key').replace(
  "('console",
  "(now() - interval '31 hours', 'console",
);

const WORK: readonly Works[] = [
  ...(
    [
      'promoted_at >= created_at',
      'promoted_at > created_at and promoted_at <= now()',
      'deployed_at > promoted_at',
      'deployed_at >= created_at and failed_at >= created_at',
      'updated_at >= created_at and updated_at >= promoted_at',
      'promoted_at > marked_at',
      'lease_until > promoted_at',
    ] as const
  ).map((check) => ({
    name: `a CHECK of the order of times: ${check}`,
    table: table(
      `, created_at timestamptz not null default now(), updated_at timestamptz not null default now(), marked_at timestamptz,
        deployed_at timestamptz, failed_at timestamptz, lease_until timestamptz, check (${check})`,
      { row: ROW_OF_BEFORE },
    ),
  })),
  {
    name: 'a CHECK of the order of times, and a trigger that says when a row was made',
    table: `${table(', created_at timestamptz, check (promoted_at > created_at)', { row: '' })}
      ${guard('new.created_at = now(); return new;')} ${trigger('before insert on console_flag_promotions for each row')}
      alter table console_flag_promotions disable trigger guard; ${ROW_OF_BEFORE} alter table console_flag_promotions enable trigger guard;`,
  },
];

const REFUSED: readonly Refused[] = [
  {
    name: 'a CHECK that no time of the app’s, which it reads before its transaction, can pass',
    table: table(', updated_at timestamptz, failed_at timestamptz, constraint late check (failed_at >= updated_at)'),
    says: 'The CHECK late does not let the app record that a promotion failed: (failed_at >= updated_at).',
  },
];

testTables(WORK, REFUSED);
