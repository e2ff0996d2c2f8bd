import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { codeOf } from '../db/embedded/errors.js';
import { SettingsFileError } from './failure.js';

/**
 * Reads .env in this folder, if there is one, into the environment, whose own variables win.
 * @throws SettingsFileError if it can't be read
 */
export function loadSettingsFile(environment: NodeJS.ProcessEnv): void {
  const text = read();
  if (text === null) return;
  // Left out, so that doctor doesn't take it for set.
  const { NODE_EXTRA_CA_CERTS: tooLate, ...settings } = parseEnv(text);
  for (const [name, value] of Object.entries(settings)) environment[name] ??= value;
  process.stderr.write('Settings: .env, and the environment\n');
  if (tooLate !== undefined && environment['NODE_EXTRA_CA_CERTS'] === undefined) {
    process.stderr.write(
      'NODE_EXTRA_CA_CERTS has no effect in .env: Node reads it before. Set it in the environment.\n',
    );
  }
}

function read(): string | null {
  try {
    return readFileSync('.env', 'utf8');
  } catch (error) {
    const code = codeOf(error) ?? 'unknown error';
    // A folder of this name is somebody else's, such as a Python environment.
    if (code === 'ENOENT' || code === 'EISDIR') return null;
    throw new SettingsFileError(
      `.env in this folder can’t be read (${code}). Let this account read it, or run this in another folder.`,
    );
  }
}
