import { createMessageReader } from './wire-messages.js';

/** A statement as a client sent it to PostgreSQL, its parameters as text. */
export interface Statement {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

export interface FrontendMessage {
  readonly bytes: Buffer;
  /** The statement it executes; null if it executes none. */
  readonly statement: Statement | null;
}

const UINT32 = 4;

/** Reads what a client sends: `Query` holds a statement; `Parse` and `Bind` hold one together. */
export function createFrontendReader(): (chunk: Buffer) => readonly FrontendMessage[] {
  const read = createMessageReader('client');
  /** By name: a repeated `Bind` refers to one. */
  const parsed = new Map<string, string>();

  function statementOf(type: string, body: Buffer): Statement | null {
    if (type !== 'Q' && type !== 'P' && type !== 'B') return null;
    const [first = '', second = ''] = textsOf(body);
    if (type === 'Q') return { sql: first, values: [] };
    if (type === 'B') return { sql: parsed.get(second) ?? '', values: valuesOf(body) };
    parsed.set(first, second);
    return null;
  }

  return (chunk) => read(chunk).map(({ type, bytes, body }) => ({ bytes, statement: statementOf(type, body) }));
}

/** The zero-terminated strings that a message begins with. */
function textsOf(body: Buffer): readonly string[] {
  return body.toString('utf8').split('\0');
}

/** The parameters of a `Bind`: after two names, the formats, then each by its length; -1 is null. */
function valuesOf(body: Buffer): readonly (string | null)[] {
  let at = body.indexOf(0) + 1;
  at = body.indexOf(0, at) + 1;
  at += 2 + 2 * body.readUInt16BE(at);
  const count = body.readUInt16BE(at);
  at += 2;
  return Array.from({ length: count }, () => {
    const length = body.readInt32BE(at);
    at += UINT32;
    if (length < 0) return null;
    at += length;
    return body.toString('utf8', at - length, at);
  });
}
