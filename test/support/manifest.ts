import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Manifest, parseManifest } from '../../demo/slack/manifest.js';

/** What `manifest.yml` asks Slack for; the stand-in grants nothing else. */
export function readManifest(): Manifest {
  return parseManifest(readFileSync(fileURLToPath(new URL('../../manifest.yml', import.meta.url)), 'utf8'));
}
