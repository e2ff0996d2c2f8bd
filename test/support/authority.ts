import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** A company's own certificate authority, which Node doesn't know by itself. */
export interface Authority {
  /** Its certificate, for NODE_EXTRA_CA_CERTS. */
  readonly file: string;
  readonly certificate: string;
  /** A server certificate for these names (`DNS:slack.test`, `IP:127.0.0.1`). */
  issue(...names: readonly string[]): Promise<{ readonly key: string; readonly cert: string }>;
  remove(): Promise<void>;
}

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flag-promotions-authority-'));
  const openssl = (...args: readonly string[]) => run('openssl', args, { cwd: folder });
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2'],
    ...['-subj', '/CN=authority of a test of flag-promotions'],
  );
  let issued = 0;
  return {
    file: path.join(folder, 'ca.pem'),
    certificate: await readFile(path.join(folder, 'ca.pem'), 'utf8'),
    async issue(...names) {
      issued += 1;
      const [key, request, cert] = [`${issued}.key`, `${issued}.csr`, `${issued}.pem`] as const;
      await writeFile(path.join(folder, `${issued}.ext`), `subjectAltName=${names.join(',')}\n`);
      await openssl('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', '/CN=test');
      await openssl(
        ...['x509', '-req', '-in', request, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'],
        ...['-days', '2', '-extfile', `${issued}.ext`, '-out', cert],
      );
      const read = (name: string) => readFile(path.join(folder, name), 'utf8');
      return { key: await read(key), cert: await read(cert) };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}
