import type { PrimaryClient } from '../primary-client.js';
import { askOf } from './ask.js';
import type { Dialect } from './dialect.js';
import { type ConsoleFacts, readConsole } from './facts.js';
import { ConsoleTableError } from './refusal.js';
import type { ConsoleSettings } from './settings.js';

/** Teaches the connections of a pool how this database's table of promotions is spoken to. */
export interface Interpreter {
  /** @throws ConsoleTableError where there is no such table, or none that can be worked with */
  teach(connection: PrimaryClient): Promise<void>;
}

/** Looks at the table once, and again when a statement fails because it is another than before. */
export function createInterpreter(settings: ConsoleSettings): Interpreter {
  let known: { readonly facts: ConsoleFacts; readonly dialects: Map<string, Dialect> } | null = null;

  async function look(connection: PrimaryClient) {
    const facts = await readConsole(askOf(connection), settings);
    if (facts.table === null) {
      throw new ConsoleTableError('The database has no table of promotions. Run: flag-promotions migrate');
    }
    return { facts, dialects: new Map<string, Dialect>() };
  }

  return {
    async teach(connection) {
      const { facts, dialects } = known ?? (await look(connection));
      known = { facts, dialects };
      connection.speak(
        (sql) => {
          const zone = connection.timeZone;
          const dialect = dialects.get(zone) ?? facts.dialect(zone);
          dialects.set(zone, dialect);
          return dialect.translate(sql);
        },
        () => {
          known = null;
        },
      );
    },
  };
}
