import type { PromotionState } from '../../promotions/promotion.js';
import type { Refusal } from '../errors.js';
import type { Ask } from './ask.js';
import { quotedName } from './dialect.js';
import { blocks, distinct, type Finding, limits } from './finding.js';
import { baseOf } from './indexes.js';
import type { Judged } from './judged.js';
import {
  type Caller,
  callerOf,
  type Check,
  checkOfDomain,
  constraintOf,
  type Index,
  indexOf,
  nextId,
  publicationsOf,
  publishedBy,
  rowTriggers,
  settersOf,
  statesRefused,
  triggerOf,
} from './lookups.js';
import { missingRight } from './missing-right.js';
import { sequencesOf } from './new-row.js';
import { tooBig } from './row-size.js';
import { lowerCase } from './settings.js';
import { type Column, judgeShape, withoutDefault } from './shape.js';
import { SPOILING } from './spoiling.js';
import { functionsIn } from './trial.js';
import { NAMES, USES, type Written } from './writes.js';

/** Turns PostgreSQL's refusals in a rehearsal into sentences with their cures. */
export interface Explanation {
  /** A refusal; `does` follows "to". */
  add(refused: RefusedWrite, does: string, to: PromotionState, known?: Omit<Known, 'raiser'>): Promise<void>;
  /** A write of the console's, with our columns added; `does` follows "to". */
  broken(refusal: Refusal, does: string): Promise<void>;
  /** A write went through, but changed no row. */
  swallowed(does: string, by: 'insert' | 'update'): Promise<void>;
  /** A write went through, but another value is there now. */
  altered(column: string, does: string, wrote: Written, found: string | null): Promise<void>;
  /** After a write, the session has another role. */
  switched(role: string): Promise<void>;
  /** After a write, a setting of SPOILING is one with which the app can't work. */
  spoiled(setting: string): Promise<void>;
  /** A write that doesn't name the start of a promotion changed it. */
  renewed(start: string): Promise<void>;
  /** A write took too long; false if nothing tells in what. `where`: PostgreSQL's context. */
  tooSlow(where: string | null): Promise<boolean>;
  findings(): readonly Finding[];
}

interface RefusedWrite {
  readonly refusal: Refusal;
  readonly raiser: Caller | null;
}

/** What is known of a refused write. */
interface Known {
  /** What of the table fails by itself. */
  readonly raiser: Caller | null;
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

  /** Whether a cure for a column's type drops the constraint, too. */
  const isDropped = (constraint: string): boolean =>
    judgeShape(table, columns).some(({ drops }) => drops?.includes(constraint) === true);

  async function explain(
    refusal: Refusal,
    does: string,
    to: PromotionState,
    { raiser, isSecond = false, passesShort = false }: Known,
  ): Promise<readonly Finding[]> {
    const isOfTable = isOf(table, refusal);
    switch (refusal.code) {
      case '23514':
        return isOfTable ? ofCheck(refusal, does, to) : ofDomain(refusal, does, to);
      case '23503':
        return isOfTable ? ofForeignKey(refusal, does, to) : [await ofOther(refusal, does)];
      case '23502':
        return [await ofNull(refusal, does)];
      case '23505':
      case '23P01':
        return isOfTable ? ofUnique(refusal, does, isSecond) : [await ofOther(refusal, does)];
      // invalid_column_reference, object_not_in_prerequisite_state
      case '42P10':
      case '55000':
        return [await ofPublished(refusal, does)];
      // triggered_data_change_violation: it has no context
      case '27000':
        return [await ofChange(refusal, does)];
      default:
        return [passesShort ? await ofWidth(refusal, does) : await ofOther(refusal, does, raiser)];
    }
  }

  /** PostgreSQL says so of published tables, in words of any language; a trigger may say it of anything. */
  async function ofPublished(refusal: Refusal, does: string): Promise<Finding> {
    const publications = await publicationsOf(ask, table);
    if (publications.length === 0 || (await triggerOf(ask, table, refusal.where)) !== null)
      return ofOther(refusal, does);
    const lists = publications.filter(({ lists_columns }) => lists_columns);
    const published = publishedBy(table, publications);
    if (lists.length === 0) {
      return blocks(
        `${published}, but the identity of its rows doesn’t tell enough, so PostgreSQL refuses every UPDATE (replica identity).`,
        [alter('replica identity full')],
      );
    }
    if (lists.every(({ may_use_key }) => may_use_key)) {
      return blocks(
        `${published}, but not with all columns of the identity of its rows, so PostgreSQL refuses every UPDATE.`,
        [alter('replica identity default')],
      );
    }
    return blocks(
      `${published}, but not with all columns of the identity of its rows, so PostgreSQL refuses every UPDATE. Its subscribers need all columns, then publish these:`,
      [
        alter('replica identity full'),
        ...lists.flatMap(({ name, filter }) => [
          `alter publication ${name} drop table ${table.name}`,
          `alter publication ${name} add table ${table.name}${filter === null ? '' : ` where (${filter})`}`,
        ]),
      ],
      'superuser',
    );
  }

  async function ofCheck(refusal: Refusal, does: string, to: PromotionState): Promise<readonly Finding[]> {
    const constraint = await constraintOf(ask, table, refusal.constraint ?? '');
    if (constraint === null || constraint.expression === null) return [await ofOther(refusal, does)];
    const check = { ...constraint, expression: constraint.expression };
    if (check.columns.length === 1 && check.columns[0] === 'state') {
      // All states that it refuses, which need one cure together.
      const states = await statesRefused(ask, table, check);
      return [widen(table, check, states.length === 0 ? [to] : states, alter)];
    }
    if (areNames(check.columns)) return [untried(check.name)];
    if (isDropped(check.name)) return [];
    return [
      blocks(`The CHECK ${check.name} does not let the app ${does}: ${check.expression}.`, [
        alter(`drop constraint ${check.name}`),
      ]),
    ];
  }

  async function ofDomain(refusal: Refusal, does: string, to: PromotionState): Promise<readonly Finding[]> {
    if ((await triggerOf(ask, table, refusal.where)) !== null) return [await ofOther(refusal, does)];
    const { dataType, constraint } = refusal;
    if (dataType === null || constraint === null) return [await ofOther(refusal, does)];
    const check = await checkOfDomain(ask, table, dataType, constraint);
    const typo = check?.columns.includes('state') === true ? typoIn(table, [to]) : '';
    const refuses = `does not let the app ${does}: ${said(refusal)}${typo}`;
    // A part of a column may be of it.
    if (check === null) {
      const cure = `alter domain ${quotedName(dataType)} drop constraint ${quotedName(constraint)}`;
      return [blocks(`The domain ${dataType} ${refuses}`, [cure])];
    }
    const of = `${check.columns.join(', ')} ${check.columns.length === 1 ? 'is' : 'are'} of the domain ${dataType}`;
    return [blocks(`${of}, which ${refuses}`, [check.cure], check.by)];
  }

  /** The catalog tells of a column without a default; this one's default, or a trigger, makes it null. */
  async function ofNull(refusal: Refusal, does: string): Promise<Finding> {
    const { column, where } = refusal;
    if (!isOf(table, refusal) || where !== null) return ofOther(refusal, does);
    const known = columns.find(({ name }) => name === column);
    if (known?.is_key === true) return withoutDefault(known, alter);
    return blocks(`${column} must not be null, and its default or a trigger makes it null, so the app can’t ${does}.`, [
      alter(`alter column ${known?.quoted ?? column} drop not null`),
    ]);
  }

  async function ofForeignKey(refusal: Refusal, does: string, to: PromotionState): Promise<readonly Finding[]> {
    const constraint = await constraintOf(ask, table, refusal.constraint ?? '');
    if (constraint === null) return [await ofOther(refusal, does)];
    const { name, columns: on } = constraint;
    if (areNames(on)) return [untried(name)];
    if (isDropped(name)) return [];
    return [
      blocks(
        `The foreign key ${name} on ${on.join(', ')} does not let the app ${does}.${on.includes('state') ? typoIn(table, [to]) : ''}`,
        [alter(`drop constraint ${name}`)],
      ),
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

  async function ofChange(refusal: Refusal, does: string): Promise<Finding> {
    const { who, cure, dependsOnRole } = await whoChanges(['update']);
    return ofRole(dependsOnRole, blocks(`${capital(who)} does not let the app ${does}: ${said(refusal)}`, cure));
  }

  /** What of the table calls the function that refused. */
  async function culpritOf(where: string | null, raiser: Caller | null) {
    const trigger = await triggerOf(ask, table, where);
    if (trigger !== null) {
      const cure = [alter(`disable trigger ${trigger}`)];
      return { who: `The trigger ${trigger}`, cure, by: 'table owner', isTrigger: true } as const;
    }
    const caller = raiser ?? (await callerOf(ask, table, where));
    if (caller === null) return { who: 'PostgreSQL', cure: [], by: 'table owner', isTrigger: false } as const;
    return { who: `The ${caller.what}`, cure: [caller.cure], by: caller.by, isTrigger: false };
  }

  async function ofOther(refusal: Refusal, does: string, raiser: Caller | null = null): Promise<Finding> {
    const { who, cure, by, isTrigger } = await culpritOf(refusal.where, raiser);
    if (cure.length === 0 && isOfSize(refusal)) return tooBig(table);
    const says = `${who} does not let the app ${does}: ${said(refusal)}`;
    // insufficient_privilege
    if (refusal.code !== '42501') return ofRole(isTrigger, blocks(says, cure, by));
    const missing = await missingRight(ask, table, refusal);
    if (missing !== null) {
      const { right, role, isTheirs } = missing;
      return ofRole(true, blocks(says, [`grant ${right} to ${role}`], isTheirs ? 'table owner' : 'superuser'));
    }
    const setters = refusal.where === null ? await settersOf(ask, table, SETS_ROLE) : [];
    return ofRole(
      true,
      setters.length > 0 ? ofSetters(setters, 'another role', said(refusal)) : blocks(says, cure, by),
    );
  }

  /** `after`: what came of it. */
  function ofSetters(triggers: readonly string[], what: string, after: string): Finding {
    const cure = triggers.map((name) => alter(`disable trigger ${name}`));
    return blocks(`The trigger ${triggers.join(' or ')} sets ${what}, which stays set: ${after}`, cure);
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
    async add({ refusal, raiser }, does, to, known = {}) {
      found.push(...(await explain(refusal, does, to, { ...known, raiser })));
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
    async switched(role) {
      const setters = await settersOf(ask, table, SETS_ROLE);
      const triggers = setters.length > 0 ? setters : await rowTriggers(ask, table, 'update');
      const after = `the app’s next statements run as ${role}.`;
      found.push(ofRole(true, ofSetters(triggers, 'another role', after)));
    },
    async spoiled(setting) {
      const { set = setting, so = '' } = SPOILING.get(setting) ?? {};
      const setters = await settersOf(ask, table, set);
      const triggers = setters.length > 0 ? setters : await rowTriggers(ask, table, 'update');
      found.push(ofSetters(triggers, setting, so));
    },
    async renewed(start) {
      const { who, cure, dependsOnRole } = await whoChanges(['update']);
      const says = `At each change ${who} sets ${start} anew, so a promotion that is tried again and again would never count as stuck.`;
      found.push(ofRole(dependsOnRole, blocks(says, cure)));
    },
    async tooSlow(where) {
      const setters = await settersOf(ask, table, 'statement_timeout');
      if (setters.length > 0) {
        found.push(ofSetters(setters, 'statement_timeout', 'PostgreSQL ends the app’s next statements.'));
        return true;
      }
      const trigger = await triggerOf(ask, table, where);
      const name = functionsIn(where).at(-1);
      if (trigger === null && name === undefined) return false;
      found.push(
        trigger === null
          ? blocks(
              `The function ${name}, which each write to ${table.name} calls, takes longer than 5 s. Make it faster.`,
            )
          : blocks(
              `The trigger ${trigger} takes longer than 5 s, and everybody waits for it. Make it faster, or do without it.`,
              [alter(`disable trigger ${trigger}`)],
            ),
      );
      return true;
    },
    findings: () => distinct(found),
  };
}

/** What follows SET. */
const SETS_ROLE = 'role|authorization';

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

const isOf = ({ schema, relation }: Judged, refusal: Refusal): boolean =>
  refusal.table === relation && refusal.schema === schema;

/** program_limit_exceeded: for a key that is too long, it names the index. */
const isOfSize = ({ code, where, constraint }: Refusal): boolean =>
  code === '54000' && where === null && constraint === null;

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

/** A word that only STATE_MAP has is likelier to be misspelled there than to be missing in the console's rule. */
function typoIn(table: Judged, states: readonly PromotionState[]): string {
  const words = states.map((state) => table.spell(state)).filter((word, at) => lowerCase(word) !== states[at]);
  if (words.length === 0) return '';
  return ` Is ${words.join(', ')} misspelled in STATE_MAP? Then correct it there. If not:`;
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
  return blocks(`The CHECK ${name} refuses the state ${words.join(', ')}.${typoIn(table, states)}`, [
    alter(`drop constraint ${name}, ${added}`),
    ...(valid ? [alter(`validate constraint ${name}`)] : []),
  ]);
}
