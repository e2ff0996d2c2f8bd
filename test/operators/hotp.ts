import { createHmac } from 'node:crypto';

/** A second implementation of RFC 4226, so that the library is not checked against itself. */
export function hotp(key: Uint8Array, step: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const hash = createHmac('sha1', key).update(counter).digest();
  const truncated = hash.readUInt32BE(hash.readUInt8(19) & 0x0f) & 0x7fff_ffff;
  return String(truncated % 1_000_000).padStart(6, '0');
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const padded = bits.padEnd(Math.ceil(bits.length / 5) * 5, '0');
  return padded.replaceAll(/.{5}/gu, (five) => ALPHABET.charAt(Number.parseInt(five, 2)));
}
