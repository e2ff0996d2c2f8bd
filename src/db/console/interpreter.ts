import type { PrimaryClient } from '../primary-client.js';
import { askOf } from './ask.js';
import { createDialect, type Dialect } from './dialect.js';
import { type ConsoleFacts, readConsole } from './facts.js';
import { ConsoleTableError } from './refusal.js';
import type { ConsoleSettings } from './settings.js';
import { spellingsOf } from './spellings.js';

/**
 * Teaches connections how to address this database's promotions' table. If none is usable, statements on it fail and
 * say so; all others work.
 */
export interface Interpreter {
  teach(connection: PrimaryClient): Promise<void>;
}

/** For a table that can't be used. */
const NONE = createDialect({
  table: 'flag_promotions."no table of promotions: flag-promotions doctor says why"',
  hasOptionalId: false,
  stateEnum: null,
  stateMap: [],
  spellings: spellingsOf([], []),
  withoutZone: new Set(),
  zone: 'UTC',
});

/** Reads the table once, unless its `facts` are known, and again after a statement fails because it changed. */
export function createInterpreter(settings: ConsoleSettings, facts: ConsoleFacts | null = null): Interpreter {
  let known = facts === null ? null : dialectsOf(facts);

  async function look(connection: PrimaryClient): Promise<DialectOf> {
    try {
      const found = await readConsole(askOf(connection), settings);
      return found.table === null ? () => NONE : dialectsOf(found);
    } catch (error) {
      if (!(error instanceof ConsoleTableError)) throw error;
      return () => NONE;
    }
  }

  return {
    async teach(connection) {
      const dialectOf = known ?? (await look(connection));
      known = dialectOf;
      connection.speak(
        (sql) => dialectOf(connection.timeZone).translate(sql),
        () => {
          known = null;
        },
      );
    },
  };
}

/** By the session's time zone. */
type DialectOf = (zone: string) => Dialect;

function dialectsOf(facts: ConsoleFacts): DialectOf {
  const dialects = new Map<string, Dialect>();
  return (zone) => {
    const dialect = dialects.get(zone) ?? facts.dialect(zone);
    dialects.set(zone, dialect);
    return dialect;
  };
}
