import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hkdfSync,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';

/** The PKCS#8 (RFC 8410) prefix of a 32-byte Ed25519 key. */
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const KEY_ID_LENGTH = 12;

/** Proves that this app wrote an event. */
export interface EventMac {
  readonly keyId: string;
  /** base64url of an HMAC-SHA-256. */
  readonly mac: string;
}

/**
 * Protects the audit log. All of it is derived from the environment's keys, so whoever owns the database has none of
 * it.
 */
export interface AuditKeys {
  /** By the first key. */
  macOf(text: string): EventMac;
  /** null: made with none of these keys. */
  isMac(text: string, mac: EventMac): boolean | null;
  /** base64 of the first key's signature of a seal's hash (hex). */
  sign(hash: string): string;
  /** The first key's: base64 of its SubjectPublicKeyInfo. */
  readonly publicKey: string;
  readonly publicKeys: readonly string[];
}

interface Derived {
  readonly id: string;
  readonly macKey: Buffer;
  readonly privateKey: KeyObject;
  readonly publicKey: string;
}

/** `keys`: 32 bytes each. The first writes and seals, all verify. */
export function createAuditKeys(keys: readonly Uint8Array[]): AuditKeys {
  const derived = keys.map(derive);
  const [first] = derived;
  if (first === undefined) throw new Error('There is no key for the audit log.');
  const hmac = ({ macKey }: Derived, text: string) => createHmac('sha256', macKey).update(text).digest();
  return {
    macOf: (text) => ({ keyId: first.id, mac: hmac(first, text).toString('base64url') }),
    isMac(text, { keyId, mac }) {
      const key = derived.find(({ id }) => id === keyId);
      if (key === undefined) return null;
      const expected = hmac(key, text);
      const given = Buffer.from(mac, 'base64url');
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
    sign: (hash) => sign(null, Buffer.from(hash, 'hex'), first.privateKey).toString('base64'),
    publicKey: first.publicKey,
    publicKeys: derived.map(({ publicKey }) => publicKey),
  };
}

function derive(key: Uint8Array): Derived {
  const own = (purpose: string) => Buffer.from(hkdfSync('sha256', key, '', `flag-promotions audit ${purpose} v1`, 32));
  const seed = own('seals');
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, seed]), format: 'der', type: 'pkcs8' });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return {
    id: createHash('sha256').update(publicKey).digest('hex').slice(0, KEY_ID_LENGTH),
    macKey: own('events'),
    privateKey,
    publicKey: publicKey.toString('base64'),
  };
}

/** Whether a public key's owner signed a seal's hash. False also if either is malformed. */
export function isSignature(hash: string, signature: string, publicKey: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    if (key.asymmetricKeyType !== 'ed25519') return false;
    return verify(null, Buffer.from(hash, 'hex'), key, Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}
