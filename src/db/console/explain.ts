import * as z from 'zod';
import { PROMOTION_STATES, type PromotionState } from '../../promotions/promotion.js';
import type { Refusal } from '../errors.js';
import { parseRows } from '../rows.js';
import type { Ask } from './ask.js';
import { blocks, distinct, type Finding, limits } from './finding.js';
import { baseOf } from './indexes.js';
import type { Judged } from './judged.js';
import { sequencesOf } from './new-row.js';
import type { Column } from './shape.js';
import { NAMES, USES, type Written } from './writes.js';

/** Turns PostgreSQL's refusals in a rehearsal into sentences with their cures. */
export interface Explanation {
  /** A refusal; `does` follows "to". */
  add(refusal: Refusal, does: string, to: PromotionState, known?: Known): Promise<void>;
  /** A write of the console's, with our columns added; `does` follows "to". */
  broken(refusal: Refusal, does: string): Promise<void>;
  /** A write went through, but changed no row. */
  swallowed(does: string, by: 'insert' | 'update'): Promise<void>;
  /** A write went through, but another value is there now. */
  altered(column: string, does: string, wrote: Written, found: string | null): Promise<void>;
  /** A write that doesn't name the start of a promotion changed it. */
  renewed(start: string): Promise<void>;
  findings(): readonly Finding[];
}

/** What is known of a refused write. */
interface Known {
  /** It is a flag's second promotion, after its first has ended. */
  readonly isSecond?: boolean;
  /** The same write passes with texts of a usual length. */
  readonly passesShort?: boolean;
}

const ofRole = (dependsOnRole: boolean, finding: Finding): Finding =>
  dependsOnRole ? { ...finding, dependsOnRole } : finding;

export function startExplaining(ask: Ask, table: Judged, columns: readonly Column[]): Explanation {
  const found: Finding[] = [];
  const alter = (action: string): string => `alter table ${table.name} ${action}`;

  async function explain(
    refusal: Refusal,
    does: string,
    to: PromotionState,
    { isSecond = false, passesShort = false }: Known,
  ): Promise<readonly Finding[]> {
    const isOfTable = refusal.table === table.relation && refusal.schema === table.schema;
    switch (refusal.code) {
      case '23514':
        return isOfTable ? ofCheck(refusal, does, to) : ofDomain(refusal, does);
      case '23503':
        return isOfTable ? ofForeignKey(refusal, does) : [await ofOther(refusal, does)];
      case '23505':
      case '23P01':
        return isOfTable ? ofUnique(refusal, does, isSecond) : [await ofOther(refusal, does)];
      case '55000':
        return [await ofPublished(refusal, does)];
      default:
        return [passesShort ? await ofWidth(refusal, does) : await ofOther(refusal, does)];
    }
  }

  /** PostgreSQL says so of published tables, in words of any language; a trigger may say it of anything. */
  async function ofPublished(refusal: Refusal, does: string): Promise<Finding> {
    if ((await triggerOf(ask, table, refusal.where)) !== null) return ofOther(refusal, does);
    return blocks(`PostgreSQL does not let the app ${does}: ${said(refusal)}`, [alter('replica identity full')]);
  }

  async function ofCheck(refusal: Refusal, does: string, to: PromotionState): Promise<readonly Finding[]> {
    const check = await checkOf(ask, table, refusal.constraint ?? '');
    if (check === null) return [await ofOther(refusal, does)];
    if (check.columns.length === 1 && check.columns[0] === 'state') {
      // All states that it refuses, which need one cure together.
      const states = await statesRefused(ask, table, check);
      return [widen(table, check, states.length === 0 ? [to] : states, alter)];
    }
    if (areNames(check.columns)) return [untried(check.name)];
    return [
      blocks(`The CHECK ${check.name} does not let the app ${does}: ${check.expression}.`, [
        alter(`drop constraint ${check.name}`),
      ]),
    ];
  }

  async function ofDomain(refusal: Refusal, does: string): Promise<readonly Finding[]> {
    const { dataType, constraint } = refusal;
    if (dataType === null || constraint === null) return [await ofOther(refusal, does)];
    const of = columns.filter(({ type }) => type === dataType || type.endsWith(`.${dataType}`));
    return [
      blocks(
        `${of.map(({ name }) => name).join(', ')} is of the domain ${dataType}, which does not let the app ${does}: ${said(refusal)}`,
        [`alter domain ${of[0]?.type ?? dataType} drop constraint "${constraint}"`],
      ),
    ];
  }

  async function ofForeignKey(refusal: Refusal, does: string): Promise<readonly Finding[]> {
    const constraint = await constraintOf(ask, table, refusal.constraint ?? '');
    if (constraint === null) return [await ofOther(refusal, does)];
    const { name, columns: on } = constraint;
    if (areNames(on)) return [untried(name)];
    return [
      blocks(`The foreign key ${name} on ${on.join(', ')} does not let the app ${does}.`, [
        alter(`drop constraint ${name}`),
      ]),
    ];
  }

  async function ofUnique(refusal: Refusal, does: string, isSecond: boolean): Promise<readonly Finding[]> {
    const index = await indexOf(ask, table, refusal.constraint ?? '');
    if (index === null) return [await ofOther(refusal, does)];
    const [column] = index.columns;
    // Its sequence is behind, which is reported separately.
    if ((await sequencesOf(ask, table)).some((one) => index.columns.length === 1 && one.column === column)) return [];
    if (index.columns.length === 1 && column === 'id') {
      return [
        blocks('The default of id gives the same number each time, so the app can’t add a promotion.', [
          alter(
            `alter column id drop default, alter column id add generated by default as identity (start with ${await nextId(ask, table)})`,
          ),
        ]),
      ];
    }
    return baseOf(index.name) === null ? [ofGuard(index, does, isSecond)] : [];
  }

  /** What the console keeps unique. */
  function ofGuard(index: Index, does: string, isSecond: boolean): Finding {
    const { name, qualified, is_constraint, is_partial, columns: on } = index;
    const drop = is_constraint ? alter(`drop constraint ${name}`) : `drop index ${qualified}`;
    const isOfFlag = on.every((column) => !USES.has(column) || areNames([column]));
    if ((isSecond && isOfFlag) || (areNames(on) && !is_partial)) {
      return limits(`${name} allows one row a flag, so a flag that is there can’t be marked or reverted.`, [drop]);
    }
    // A guard over some rows, say the active ones, passes others.
    return is_partial
      ? limits(`${name} did not let the app ${does} beside the rows that are there now, so not all was tried.`)
      : blocks(`The unique ${name} does not let the app ${does}.`, [drop]);
  }

  async function ofOther(refusal: Refusal, does: string): Promise<Finding> {
    const trigger = await triggerOf(ask, table, refusal.where);
    const who = trigger === null ? 'PostgreSQL' : `The trigger ${trigger}`;
    const right = refusal.code === '42501' ? missingRight(refusal) : null;
    const cure =
      right !== null
        ? [`grant ${right} to ${table.role}`]
        : trigger !== null
          ? [alter(`disable trigger ${trigger}`)]
          : [];
    return ofRole(
      trigger !== null || right !== null,
      blocks(`${who} does not let the app ${does}: ${said(refusal)}`, cure),
    );
  }

  async function ofWidth(refusal: Refusal, does: string): Promise<Finding> {
    const trigger = await triggerOf(ask, table, refusal.where);
    const who = trigger === null ? 'PostgreSQL' : `the trigger ${trigger}`;
    return limits(`With the longest texts, ${who} does not let the app ${does}: ${said(refusal)} Shorter ones pass.`);
  }

  async function whoChanges(by: readonly ('insert' | 'update')[]) {
    const triggers = [...new Set((await Promise.all(by.map((event) => rowTriggers(ask, table, event)))).flat())];
    return {
      who: triggers.length === 0 ? 'something in the database' : `the trigger ${triggers.join(' or ')}`,
      cure: triggers.length === 1 ? triggers.map((name) => alter(`disable trigger ${name}`)) : [],
      dependsOnRole: triggers.length > 0,
    };
  }

  return {
    async add(refusal, does, to, known = {}) {
      found.push(...(await explain(refusal, does, to, known)));
    },
    async broken(refusal, does) {
      const trigger = await triggerOf(ask, table, refusal.where);
      const says = `With the app’s columns added, ${trigger === null ? 'PostgreSQL' : `the trigger ${trigger}`} would not let the console ${does}: ${said(refusal)}`;
      found.push(
        trigger === null
          ? blocks(says)
          : blocks(`${says} Have its function name the columns that it copies, or do without it.`, [
              alter(`disable trigger ${trigger}`),
            ]),
      );
    },
    async swallowed(does, by) {
      const { who, cure, dependsOnRole } = await whoChanges([by]);
      const says = `The app can’t ${does}: ${who} drops the ${by.toUpperCase()} without a word.`;
      found.push(ofRole(dependsOnRole, blocks(says, cure)));
    },
    async altered(column, does, wrote, became) {
      const { who, cure, dependsOnRole } = await whoChanges(['insert', 'update']);
      const says = `Where the app writes ${written(column, wrote)} to ${column} to ${does}, ${who} makes it ${shown(became)}.`;
      found.push(ofRole(dependsOnRole, blocks(says, cure)));
    },
    async renewed(start) {
      const { who, cure, dependsOnRole } = await whoChanges(['update']);
      const says = `At each change ${who} sets ${start} anew, so a promotion that is tried again and again would never count as stuck.`;
      found.push(ofRole(dependsOnRole, blocks(says, cure)));
    },
    findings: () => distinct(found),
  };
}

const areNames = (columns: readonly string[]): boolean =>
  columns.length > 0 && columns.every((column) => NAMES.some((name) => name === column));

/** The console's rules for names are no fault, but without an accepted name nothing can be tried. */
const untried = (name: string): Finding =>
  limits(
    `${name} takes no name that is made up, and no row is there to learn one from: the app’s writes were not tried.`,
  );

const said = ({ words }: Refusal): string => `“${words}”.`;

function written(column: string, value: Written): string {
  if (value === null || typeof value === 'string') return shown(value);
  if (typeof value === 'boolean') return shown(String(value));
  return USES.get(column)?.kind === 'number' ? 'a number' : 'a time';
}

function shown(value: string | null): string {
  if (value === null) return 'nothing';
  return `“${value.length > 60 ? `${value.slice(0, 59)}…` : value}”`;
}

/** The same CHECK, widened. Existing rows passed the stricter one: validated without an exclusive lock. */
function widen(
  table: Judged,
  { name, expression, valid }: Check,
  states: readonly PromotionState[],
  alter: (action: string) => string,
): Finding {
  const words = states.map((state) => table.spell(state));
  const literals = states.map((state) => table.dialect.translate(`{'${state}'}`)).join(', ');
  const added = `add constraint ${name} check (${expression} or state in (${literals})) not valid`;
  return blocks(`The CHECK ${name} refuses the state ${words.join(', ')}.`, [
    alter(`drop constraint ${name}, ${added}`),
    ...(valid ? [alter(`validate constraint ${name}`)] : []),
  ]);
}

const checkRow = z.object({
  name: z.string(),
  expression: z.string(),
  valid: z.boolean(),
  columns: z.array(z.string()),
});
type Check = z.output<typeof checkRow>;

async function checkOf(ask: Ask, { oid }: Judged, name: string): Promise<Check | null> {
  const found = await ask(
    `select quote_ident(conname) as name, pg_get_expr(conbin, conrelid) as expression, convalidated as valid,
            array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_constraint where conrelid = $1::oid and conname = $2 and contype = 'c'`,
    [oid, name],
  );
  return parseRows(found, checkRow)[0] ?? null;
}

/** Our states that a CHECK on the state alone refuses. */
async function statesRefused(ask: Ask, table: Judged, { expression }: Check): Promise<readonly PromotionState[]> {
  const all = PROMOTION_STATES.map(
    (state) => `select state, '${state}' as ours from (select {'${state}'} as state) one`,
  );
  const found = await ask(
    table.dialect.translate(
      // The first part gives the others the column's type.
      `select ours as name from (select state, null as ours from {promotions} where false union all ${all.join(' union all ')}) states
        where not (${expression})`,
    ),
  );
  const names = new Set(parseRows(found, nameRow).map(({ name }) => name));
  return PROMOTION_STATES.filter((state) => names.has(state));
}

export async function nextId(ask: Ask, { name }: { readonly name: string }): Promise<string> {
  const found = await ask(`select (coalesce(max(id), 0) + 1)::text as name from ${name}`);
  return parseRows(found, nameRow)[0]?.name ?? '1';
}

const nameRow = z.object({ name: z.string() });
const constraintRow = nameRow.extend({ columns: z.array(z.string()) });

async function constraintOf(ask: Ask, { oid }: Judged, name: string): Promise<z.output<typeof constraintRow> | null> {
  const found = await ask(
    `select quote_ident(conname) as name,
            array(select attname::text from pg_attribute where attrelid = conrelid and attnum = any(conkey)) as columns
       from pg_constraint where conrelid = $1::oid and conname = $2`,
    [oid, name],
  );
  return parseRows(found, constraintRow)[0] ?? null;
}

const indexRow = z.object({
  name: z.string(),
  qualified: z.string(),
  is_constraint: z.boolean(),
  is_partial: z.boolean(),
  columns: z.array(z.string()),
});
type Index = z.output<typeof indexRow>;

async function indexOf(ask: Ask, { oid }: Judged, name: string): Promise<Index | null> {
  const found = await ask(
    `select quote_ident(c.relname) as name, format('%I.%I', (select nspname from pg_namespace where oid = c.relnamespace), c.relname) as qualified,
            exists (select from pg_constraint k where k.conindid = i.indexrelid and k.conrelid = i.indrelid) as is_constraint,
            i.indpred is not null as is_partial,
            array(select coalesce(a.attname::text, '') from unnest(i.indkey::int2[]) k
                    left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k) as columns
       from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::oid and c.relname = $2`,
    [oid, name],
  );
  return parseRows(found, indexRow)[0] ?? null;
}

/** The table's trigger whose function PostgreSQL was in; null if none. */
async function triggerOf(ask: Ask, { oid }: Judged, where: string | null): Promise<string | null> {
  // Lines come innermost first, in any language: a function is what stands before brackets.
  const functions = [...(where ?? '').matchAll(/(?:^|[\s".])([\w$]+)\([^()]*\)/gu)].map(([, name = '']) => name);
  const found = await ask(
    `select quote_ident(t.tgname) as name from pg_trigger t join pg_proc f on f.oid = t.tgfoid
      where t.tgrelid = $1::oid and not t.tgisinternal and t.tgenabled <> 'D' and f.proname = any($2::text[])
      order by array_position($2::text[], f.proname::text) desc, 1 limit 1`,
    [oid, functions],
  );
  return parseRows(found, nameRow)[0]?.name ?? null;
}

/** Triggers that can change or drop a row before it is written. */
async function rowTriggers(ask: Ask, { oid }: Judged, by: 'insert' | 'update'): Promise<readonly string[]> {
  // tgtype: 1 for each row, 2 before, 4 insert, 16 update.
  const found = await ask(
    `select quote_ident(tgname) as name from pg_trigger
      where tgrelid = $1::oid and not tgisinternal and tgenabled <> 'D' and tgtype & 3 = 3 and tgtype & $2::int <> 0 order by 1`,
    [oid, by === 'insert' ? 4 : 16],
  );
  return parseRows(found, nameRow).map(({ name }) => name);
}

/** As far as PostgreSQL's words tell: `insert on console_history`. */
function missingRight({ words, where }: Refusal): string | null {
  const [, kind, name] = /^permission denied for (\w+) (.+)$/u.exec(words) ?? [];
  if (kind === 'sequence') return `usage on sequence ${name}`;
  if (kind === 'schema') return `usage on schema ${name}`;
  const STATEMENT =
    /SQL statement "\s*(insert|update|delete|select)\b(?:\s+into|.*?\sfrom)?\s+((?:"[^"]+"|[\w$.])+)/isu;
  const [, verb, relation] = STATEMENT.exec(where ?? '') ?? [];
  if (kind !== 'table' || verb === undefined || relation === undefined) return null;
  const right = verb.toLowerCase();
  return `${right === 'insert' || right === 'select' ? right : `select, ${right}`} on ${relation}`;
}
