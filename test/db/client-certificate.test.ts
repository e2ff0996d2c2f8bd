import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { failureOf } from '../../src/cli/failure.js';
import { parseAddress } from '../../src/db/server/address.js';
import { waysOfTls } from '../../src/db/server/tls.js';
import { serverError } from '../../src/db/server/trouble.js';
import { TLS_FOLDER } from '../support/guarded-server.js';

/* A fault in the client's own certificate is not the server's, and no retry mends it. */

const inFolder = (name: string) => readFileSync(path.join(TLS_FOLDER, name), 'utf8');
const CERTIFICATE = inFolder('cert.pem');
const KEY = inFolder('key.pem');
const DER = new X509Certificate(CERTIFICATE).raw;
const OF_ANOTHER = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
});
const withPassphrase = (type: 'pkcs8' | 'sec1') =>
  createPrivateKey(KEY).export({ type, format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'flag-promotions-client-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function use(cert: string | Buffer, key: string | Buffer): unknown {
  const [sslcert, sslkey] = [path.join(folder, 'cert'), path.join(folder, 'key')];
  writeFileSync(sslcert, cert);
  writeFileSync(sslkey, key);
  const address = parseAddress(`postgres://app@db/x?sslmode=require&sslcert=${sslcert}&sslkey=${sslkey}`);
  try {
    return waysOfTls(address.tls);
  } catch (error) {
    return failureOf(serverError(error, 'DATABASE_URL', address));
  }
}

test('a certificate and its key are used', () => {
  expect(use(CERTIFICATE, KEY)).toMatchObject([{ cert: CERTIFICATE, key: KEY }]);
});

test.each([
  ['a certificate in DER form', DER, KEY, 'PGSSLCERT (or sslcert) names holds no certificate in PEM form.'],
  ['a cut certificate', CERTIFICATE.slice(0, 200), KEY, 'PGSSLCERT (or sslcert) names can’t be used (ERR_OSSL_'],
  ['a key in DER form', CERTIFICATE, DER, 'PGSSLKEY (or sslkey) names holds no private key in PEM form.'],
  ['a cut key', CERTIFICATE, KEY.slice(0, 100), 'PGSSLKEY (or sslkey) names can’t be used (ERR_OSSL_'],
  ['the key of another', CERTIFICATE, OF_ANOTHER, 'is not the one of the certificate in PGSSLCERT'],
  ['a key with a passphrase', CERTIFICATE, withPassphrase('pkcs8'), 'PGSSLKEY (or sslkey) has a passphrase'],
  ['one of the older form', CERTIFICATE, withPassphrase('sec1'), 'PGSSLKEY (or sslkey) has a passphrase'],
])('%s: says which file is wrong, and exits with 78', (_, cert, key, words) => {
  expect(use(cert, key)).toEqual({ text: expect.stringContaining(words), exitCode: 78 });
});
