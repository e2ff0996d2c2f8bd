import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

/** What is built from what: the list that `npm run sbom` makes, and the pinned image. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

/** The parts of CycloneDX 1.5 that a scanner needs (https://cyclonedx.org/docs/1.5/json/). */
const bom = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string().regex(/^1\.[4-7]$/u),
  serialNumber: z.string().regex(/^urn:uuid:[\da-f-]{36}$/u),
  version: z.int().min(1),
  metadata: z.object({
    timestamp: z.iso.datetime(),
    component: z.object({ version: z.string(), purl: z.string().startsWith('pkg:npm/flag-promotions@') }),
  }),
  components: z.array(
    z.object({
      'bom-ref': z.string().min(1),
      type: z.enum(['library', 'application', 'framework']),
      name: z.string().min(1),
      version: z.string().min(1),
      purl: z.string().startsWith('pkg:npm/'),
      hashes: z.array(z.object({ alg: z.string(), content: z.string().regex(/^[\da-f]{40,128}$/u) })).optional(),
    }),
  ),
  dependencies: z.array(z.object({ ref: z.string(), dependsOn: z.array(z.string()).optional() })),
});

const lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ name: z.string().optional(), version: z.string().optional(), link: z.boolean().optional() }),
  ),
});
const manifest = z.object({
  scripts: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

describe('the list of parts', () => {
  test('is CycloneDX, and has every package of the lock file with its hash', async () => {
    const { sbom = '' } = manifest.parse(JSON.parse(read('package.json'))).scripts;
    const [command = '', ...args] = (sbom.split(' > ')[0] ?? '').split(' ');
    const { stdout } = await promisify(execFile)(command, args, { cwd: ROOT, maxBuffer: 64 * 2 ** 20 });
    const { components, dependencies } = bom.parse(JSON.parse(stdout));
    const listed = new Set(components.map(({ name, version }) => `${name}@${version}`));
    const { packages } = lock.parse(JSON.parse(read('package-lock.json')));
    // A package may be installed under another name than its own.
    const nameIn = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const locked = Object.entries(packages)
      .filter(([place, { link }]) => place !== '' && link !== true)
      .map(([place, { name, version }]) => [`${name}@${version}`, `${nameIn(place)}@${version}`]);
    expect(locked.length).toBeGreaterThan(100);
    expect(locked.filter((names) => !names.some((name) => listed.has(name)))).toEqual([]);
    for (const [name, version] of Object.entries(manifest.parse(JSON.parse(read('package.json'))).devDependencies)) {
      expect(listed).toContain(`${name}@${version}`);
    }
    expect(components.filter(({ hashes }) => hashes === undefined).map(({ name }) => name)).toEqual([]);
    const references = new Set(components.map((component) => component['bom-ref']));
    const dangling = dependencies.flatMap(({ dependsOn = [] }) => dependsOn.filter((ref) => !references.has(ref)));
    expect(dangling).toEqual([]);
  });
});

test('the image is made from one base, by its digest, and holds that list', () => {
  const file = read('Dockerfile');
  const bases = [...file.matchAll(/^FROM (\S+)/gmu)].map(([, base]) => base);
  expect(bases).toHaveLength(2);
  for (const base of bases) expect(base).toMatch(/^node:24-bookworm-slim@sha256:[\da-f]{64}$/u);
  expect(new Set(bases).size).toBe(1);
  expect(file).toMatch(/npm run --silent sbom/u);
  expect(file).toContain('sbom.cdx.json');
});
