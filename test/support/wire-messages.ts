export interface WireMessage {
  /** Empty for a client's first message, which has none. */
  readonly type: string;
  /** All of it. */
  readonly bytes: Buffer;
  /** What comes after its length. */
  readonly body: Buffer;
}

const UINT32 = 4;

/**
 * Splits one direction of a connection with PostgreSQL, from its beginning, into messages
 * (https://www.postgresql.org/docs/current/protocol-message-formats.html): a type byte, then the length, then the body.
 * A client's first message has no type. Doesn't read TLS.
 */
export function createMessageReader(from: 'client' | 'server'): (chunk: Buffer) => readonly WireMessage[] {
  let buffered: Buffer = Buffer.alloc(0);
  let typeLength = from === 'client' ? 0 : 1;
  return (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    const messages: WireMessage[] = [];
    while (buffered.length >= typeLength + UINT32) {
      const length = typeLength + buffered.readUInt32BE(typeLength);
      if (buffered.length < length) break;
      const bytes = buffered.subarray(0, length);
      messages.push({
        type: bytes.toString('latin1', 0, typeLength),
        bytes,
        body: bytes.subarray(typeLength + UINT32),
      });
      buffered = buffered.subarray(length);
      typeLength = 1;
    }
    return messages;
  };
}
