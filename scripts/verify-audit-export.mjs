#!/usr/bin/env node
/**
 * Verifies what `flag-promotions audit export --out FILE` wrote, with the public key alone. Plain Node, no packages, no database.
 *
 *   node verify-audit-export.mjs FILE [PUBLIC_KEY] [--expect NUMBER:HASH]
 *
 * PUBLIC_KEY: what `flag-promotions audit public-key` prints, or a file that holds it (PEM is fine); several with commas, after a
 * change of keys. Without one, only the file's own keys are used: then nobody knows who sealed it. Exit code 1 if it does not hold.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const GENESIS = '0'.repeat(64);
/** For this long after its upgrade to seals, a log took events without a MAC. */
const UPGRADE_MS = 10 * 60_000;
const MOST_FAULTS = 20;
const USAGE = 'Usage: node verify-audit-export.mjs FILE [PUBLIC_KEY] [--expect NUMBER:HASH]';

const sha256 = (text) => createHash('sha256').update(text, 'utf8').digest('hex');
const publicKeyOf = (text) =>
  text.includes('-----BEGIN')
    ? createPublicKey(text)
    : createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
/** One form for each key, however it was given. */
const named = (key) => key.export({ format: 'der', type: 'spki' }).toString('base64');

function fail(words) {
  process.stderr.write(`${words}\n`);
  process.exit(2);
}

function given() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { expect: { type: 'string' }, 'public-key': { type: 'string', multiple: true } },
    });
    const [path, ...more] = positionals;
    if (path === undefined) return fail(USAGE);
    return { path, keys: [...more, ...(values['public-key'] ?? [])], seal: values.expect };
  } catch (error) {
    return fail(`${error.message}\n${USAGE}`);
  }
}

/** One key, a list of them, or a file of either. */
function trustedOf(keys) {
  const texts = keys.flatMap((one) => {
    const read = existsSync(one) ? readFileSync(one, 'utf8') : one;
    return read.includes('-----BEGIN') ? [read] : read.split(/[\s,]+/u).filter((part) => part !== '');
  });
  try {
    return texts.map((one) => named(publicKeyOf(one)));
  } catch {
    return fail('That is no public key: give what `flag-promotions audit public-key` prints.');
  }
}

function expectedOf(seal) {
  if (seal === undefined) return null;
  const [, number, hash] = /^(\d+):([0-9a-f]{4,64})$/iu.exec(seal) ?? [];
  if (hash === undefined) return fail('--expect is NUMBER:HASH, such as 57:1f0c2ab94d3e.');
  return { number: BigInt(number), hash: hash.toLowerCase() };
}

const hashEvent = ({ id, event, at, action, actor, promotionId, detail, open, mac }) =>
  sha256(
    JSON.stringify([
      'flag-promotions stored event v1',
      ...[id, event, at, action, actor, promotionId, detail, open, mac?.keyId ?? null, mac?.mac ?? null],
    ]),
  );
const hashSeal = ({ number, prevHash, at, publicKey, events, refused, through, gaps }) =>
  sha256(
    JSON.stringify([
      'flag-promotions seal v1',
      ...[number, prevHash, at, publicKey, events.map(({ id, hash }) => [id, hash]), refused, through, gaps],
    ]),
  );
function isSignature({ hash, signature, publicKey }) {
  try {
    return verify(null, Buffer.from(hash, 'hex'), publicKeyOf(publicKey), Buffer.from(signature, 'base64'));
  } catch {
    return false;
  }
}

const { path, keys, seal: kept } = given();
const trusted = trustedOf(keys);
const expect = expectedOf(kept);
const faults = [];
const fault = (text) => faults.length < MOST_FAULTS && faults.push(text);

const state = {
  chain: { id: 0n, hash: GENESIS },
  seal: null,
  /** By the first seal: until when there may be events without a MAC. */
  unsignedUntil: null,
  latestAt: -Infinity,
  /** The UUIDs of sealed events, by their last two digits since a Set has a limit: none can be written twice. */
  written: new Map(),
  /** Events since the last seal, by id. */
  events: new Map(),
  sealed: 0,
  chained: 0,
  seals: 0,
  unsealed: 0,
  vouched: true,
  ended: false,
};

const isWritten = (uuid) => uuid !== null && state.written.get(uuid.slice(-2))?.has(uuid) === true;

function noteWritten(uuid) {
  if (uuid === null) return;
  const place = uuid.slice(-2);
  if (!state.written.has(place)) state.written.set(place, new Set());
  state.written.get(place).add(uuid);
}

function verifyEvent(id, hash) {
  const event = state.events.get(id);
  state.events.delete(id);
  const isTooLate = !(state.latestAt <= state.unsignedUntil);
  if (event === undefined) fault(`event ${id} is missing`);
  else if (hashEvent(event) !== hash) fault(`event ${id} is not what was sealed`);
  else if (event.mac == null && (event.event !== null || isTooLate)) fault(`the app did not write event ${id}`);
  else if (isWritten(event.event)) fault(`event ${id} is a copy of another one`);
  else state.sealed += 1;
  if (event !== undefined) noteWritten(event.event);
}

function verifySeal(seal) {
  const { number, prevHash, hash } = seal;
  const expected = BigInt(state.seal?.number ?? 0) + 1n;
  if (BigInt(number) !== expected) fault(`seal ${expected} is missing`);
  else if (prevHash !== (state.seal?.hash ?? state.chain.hash))
    fault(`seal ${number} does not follow the one before it`);
  if (hashSeal(seal) !== hash) fault(`seal ${number} is not what was signed`);
  else if (!isSignature(seal)) fault(`the signature of seal ${number} is wrong`);
  else if (BigInt(number) === expect?.number && !hash.startsWith(expect.hash)) {
    fault(`seal ${number} is ${hash}, not ${expect.hash}`);
  }
}

const LINES = {
  'audit log'({ version }) {
    if (version !== 1) fault(`this file is of version ${version}, which this script does not know`);
  },
  chained({ id, prevHash, hash, canonical }) {
    const { chain } = state;
    const [before, number] = JSON.parse(canonical);
    if (state.seal !== null) fault(`event ${id} comes after the first seal, which covers the chain before it`);
    else if (BigInt(id) !== chain.id + 1n) fault(`event ${chain.id + 1n} is missing`);
    else if (prevHash !== chain.hash || before !== prevHash) fault(`event ${id} does not follow the one before it`);
    else if (sha256(canonical) !== hash || String(number) !== id) fault(`event ${id} is not what was recorded`);
    state.chain = { id: BigInt(id), hash };
    state.chained += 1;
  },
  event(event) {
    if (state.events.has(event.id)) fault(`event ${event.id} is there twice`);
    state.events.set(event.id, event);
  },
  seal(seal) {
    state.unsignedUntil ??= seal.prevHash === GENESIS ? -Infinity : Date.parse(seal.at) + UPGRADE_MS;
    state.latestAt = Math.max(state.latestAt, Date.parse(seal.at));
    for (const { id, hash } of seal.events) verifyEvent(id, hash);
    for (const id of state.events.keys()) fault(`event ${id} is in no seal`);
    state.events.clear();
    verifySeal(seal);
    // A later seal by a known key vouches for those before it.
    state.vouched = trusted.length === 0 || trusted.includes(named(publicKeyOf(seal.publicKey)));
    state.seal = seal;
    state.seals += 1;
  },
  unsealed() {
    state.unsealed += 1;
  },
  end({ seals }) {
    state.ended = true;
    if (seals !== state.seals) fault(`the file has ${state.seals} seals, not ${seals}`);
  },
};

let line = 0;
for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
  line += 1;
  if (text.trim() === '') continue;
  try {
    const { type, ...fields } = JSON.parse(text);
    if (!Object.hasOwn(LINES, type)) fault(`line ${line} is of an unknown type`);
    else if (state.ended) fault(`line ${line} comes after the end`);
    else LINES[type](fields);
  } catch {
    fault(`line ${line} is none of an audit log’s`);
  }
}
if (!state.ended) fault('the file ends before the log does');
for (const id of state.events.keys()) fault(`event ${id} is in no seal`);
if (trusted.length > 0 && state.seal === null && state.chained + state.unsealed > 0)
  fault('there is no seal: nobody vouches for its events');
if (!state.vouched) fault(`seal ${state.seal?.number} was signed with another key than the one given`);
if (expect !== null && BigInt(state.seal?.number ?? 0) < expect.number)
  fault(`seal ${expect.number} is missing: the log ends before it`);

const newest = state.seal === null ? 'no seal' : `newest seal ${state.seal.number}:${state.seal.hash}`;
if (faults.length === 0) {
  const total = state.sealed + state.chained;
  process.stdout.write(
    `The export holds: ${total} events, ${newest}. ${state.unsealed} more not sealed yet.${
      trusted.length === 0 ? ' No public key was given: nobody knows who sealed it.' : ''
    }\n`,
  );
} else {
  process.stdout.write(`The export does not hold:\n${faults.map((one) => `  - ${one}`).join('\n')}\n`);
  process.exitCode = 1;
}
