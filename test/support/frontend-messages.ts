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

/**
 * Splits a connection's bytes, from its beginning, into messages
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html): the first has no type; each later one has a
 * type byte, then its length. `Query` holds a statement; `Parse` and `Bind` hold one together, and a repeated `Bind`
 * refers to one named before. Doesn't read TLS.
 */
export function createFrontendReader(): (chunk: Buffer) => readonly FrontendMessage[] {
  let buffered = Buffer.alloc(0);
  let started = false;
  const parsed = new Map<string, string>();

  function statementOf(type: string, body: Buffer): Statement | null {
    if (type !== 'Q' && type !== 'P' && type !== 'B') return null;
    const [first = '', second = ''] = textsOf(body);
    if (type === 'Q') return { sql: first, values: [] };
    if (type === 'B') return { sql: parsed.get(second) ?? '', values: valuesOf(body) };
    parsed.set(first, second);
    return null;
  }

  return (chunk) => {
    buffered = Buffer.concat([buffered, chunk]);
    const messages: FrontendMessage[] = [];
    for (;;) {
      const typeLength = started ? 1 : 0;
      if (buffered.length < typeLength + UINT32) return messages;
      const length = typeLength + buffered.readUInt32BE(typeLength);
      if (buffered.length < length) return messages;
      const bytes = buffered.subarray(0, length);
      const type = started ? String.fromCharCode(bytes[0] ?? 0) : '';
      messages.push({ bytes, statement: statementOf(type, bytes.subarray(typeLength + UINT32)) });
      buffered = buffered.subarray(length);
      started = true;
    }
  };
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
