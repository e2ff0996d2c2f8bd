import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What the documents for people who change the app say about its files. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const exists = (name: string): boolean => existsSync(path.join(ROOT, name));

const DOCS = [
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.posix.join('docs', name.replaceAll(path.sep, '/'))),
];

test('the documents are there', () => {
  expect(DOCS).toContain('docs/decisions/README.md');
  expect(DOCS.length).toBeGreaterThan(15);
});

test.each(DOCS)('%s links to files that there are', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/gu)].map(([, target = '']) => target);
  const local = links.filter((target) => !/^[a-z]+:/u.test(target));
  expect(local.filter((target) => !exists(path.join(path.dirname(file), target)))).toEqual([]);
});

test.each(DOCS)('%s names files and folders that there are', (file) => {
  const named = [...read(file).matchAll(/(?<![\w./-])(?:src|test|migrations|demo|scripts|docs)\/[\w./-]*[\w/]/gu)];
  expect(named.map(([name]) => name).filter((name) => !exists(name))).toEqual([]);
});

test.each(DOCS)('%s names what is in those files', (file) => {
  const said = [...read(file).matchAll(/`((?:src|migrations)\/[\w./-]+\.ts)`\s\(`(\w+)`\)/gu)];
  expect(said.filter(([, from = '', name = '']) => !read(from).includes(name)).map(([text]) => text)).toEqual([]);
});

test('ARCHITECTURE.md points to functions, and is short enough to be read', () => {
  const text = read('ARCHITECTURE.md');
  expect(text).toContain('`src/promotions/stuck.ts` (`severityDue`)');
  expect(text.split(/\s+/u).filter((word) => word !== '').length).toBeLessThanOrEqual(2_500);
});

test('every decision is in the list, and says why, what else there was, and when', () => {
  const list = read('docs/decisions/README.md');
  for (const file of DOCS.filter((name) => /^docs\/decisions\/\d{4}-/u.test(name))) {
    expect(list).toContain(`(${path.posix.basename(file)})`);
    const text = read(file);
    expect(text).toMatch(/^Date: \d{4}-\d{2}-\d{2}$/mu);
    expect([...text.matchAll(/^## (.+)$/gmu)].map(([, heading]) => heading)).toEqual([
      'Context',
      'Decision',
      'Alternatives',
      'Consequences',
    ]);
  }
});
