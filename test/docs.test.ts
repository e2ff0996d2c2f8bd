import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { REQUESTS_PER_HOUR, SHARE } from '../src/heroku/budget.js';
import { REFRESH_EVERY_MS, RESERVED_REQUESTS } from '../src/promotions/evidence-refresh.js';
import { SUBCOMMANDS } from '../src/views/help.js';
import { DECISIONS } from './fixtures/decisions.js';
import { parseCase } from './fixtures/case.js';
import { builtApp } from './support/built-app.js';
import { createTestDatabase, type TestDatabase } from './support/database.js';
import { createRowStore } from './support/row-store.js';

/** What the contributors' documents say about files. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const run = promisify(execFile);
const exists = (name: string): boolean => existsSync(path.join(ROOT, name));

const DOCS = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'test/fixtures/README.md',
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

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');

test.each(DOCS)('%s links to each decision by its number', (file) => {
  const links = [...read(file).matchAll(/\[decision (\d+)\]\(\S*?\/?(\d{4})-/gu)];
  expect(links.filter(([, told, linked]) => Number(told) !== Number(linked)).map(([link]) => link)).toEqual([]);
});

test.each(DOCS)('%s links to headings that there are', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/gu)].map(
    ([, to = '', anchor = '']) => [to, anchor] as const,
  );
  const missing = links.filter(([to, anchor]) => {
    const target = to === '' ? file : path.join(path.dirname(file), to);
    const headings = [...read(target).matchAll(/^#+ (.+)$/gmu)].map(([, heading = '']) => anchorOf(heading));
    return !headings.includes(anchor);
  });
  expect(missing).toEqual([]);
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
  // A table's bars and a list's dashes aren't words.
  expect(text.split(/\s+/u).filter((word) => /[\p{L}\p{N}]/u.test(word)).length).toBeLessThanOrEqual(2_500);
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

test('docs/scale.md counts with the limits that the app has', () => {
  const [, byApps = ''] = /^### By apps$([\s\S]*?)(?=^### )/mu.exec(read('docs/scale.md')) ?? [];
  const often = Math.round(3_600_000 / REFRESH_EVERY_MS.critical);
  const installed = REQUESTS_PER_HOUR * SHARE.critical;
  const account = 4_500 - RESERVED_REQUESTS;
  expect(byApps).toContain(`Full at ${Math.floor(installed / often)} apps as installed (${installed} / ${often})`);
  expect(byApps).toContain(`at ${Math.floor(account / often)} with the setting raised (${account} / ${often})`);
  expect(byApps).toContain(`\`HEROKU_REQUESTS_PER_HOUR\` is ${REQUESTS_PER_HOUR}.`);
});

describe('README.md', () => {
  const text = read('README.md');

  test('is short enough to be read, and leads with the pitch', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
    const [title, pitch = ''] = text.split('\n\n');
    expect(title).toBe('# flag-promotions');
    for (const part of ['proves what is live', 'right button', 'stolen Slack'])
      expect(pitch.replace('\n', ' ')).toContain(part);
  });

  test('shows the pictures that `npm run docs:pictures` takes', () => {
    const script = read('scripts/pictures/main.ts');
    const shown = [...text.matchAll(/!\[[^\]]+\]\(docs\/([\w.-]+)\)/gu)].map(([, name = '']) => name);
    expect(shown).toContain('resolution.gif');
    for (const name of shown) expect(script).toContain(`'${name}'`);
    const pictures = readdirSync(path.join(ROOT, 'docs')).filter((name) => /\.(?:png|gif)$/u.test(name));
    expect(pictures.filter((name) => !script.includes(`'${name}'`))).toEqual([]);
    for (const name of pictures) expect(statSync(path.join(ROOT, 'docs', name)).size).toBeLessThan(1_500_000);
  });
});

describe('the first change in CONTRIBUTING.md', () => {
  const [, guide = ''] = /^## Your first change$([\s\S]*?)(?=^## )/mu.exec(read('CONTRIBUTING.md')) ?? [];

  test('names a word that is where it says', () => {
    const [, file = '', name = '', word = ''] = /In `(\S+)` \(`(\w+)`\), change `([^`]+)`/u.exec(guide) ?? [];
    expect(read(file)).toContain(`function ${name}(`);
    expect(read(file)).toContain(word);
  });

  test('adds a case that is green, and fails with the other severity', () => {
    const [, from = '', to = ''] =
      /`(test\/fixtures\/\S+\.json)` to `(\S+\.json)`/u.exec(guide.replaceAll('\n', ' ')) ?? [];
    expect(exists(from)).toBe(true);
    expect(exists(path.join(path.dirname(from), to))).toBe(false);
    const [, text = ''] = /```json\n([\s\S]*?)```/u.exec(guide) ?? [];
    const { gathered, now, expected } = parseCase(text);
    const decided = DECISIONS['what-to-tell'](gathered, now);
    expect(decided).toEqual(expected);
    expect(decided).not.toEqual(parseCase(text.replace('warning', 'critical')).expected);
  });

  test('runs that case by its name', () => {
    expect(guide).toContain("npx jest test/fixtures -t 'at 13 h'");
  });
});

test('every file that a document runs by Jest is there', () => {
  const named = DOCS.flatMap((file) =>
    [...read(file).matchAll(/npx jest (test\/[\w./-]+)/gu)].map(([, name = '']) => name),
  );
  expect(named.length).toBeGreaterThan(4);
  expect(named.filter((name) => !exists(name))).toEqual([]);
});

test('every npm script that a document names is there', () => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
  const files = [
    ...DOCS,
    '.env.example',
    '.github/pull_request_template.md',
    ...readdirSync(path.join(ROOT, '.vscode')).map((name) => `.vscode/${name}`),
  ];
  const named = files.flatMap((file) => [...read(file).matchAll(/npm run ([\w:-]+)/gu)].map(([, name = '']) => name));
  expect(named).toContain('docs:pictures');
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test.each(DOCS)('%s names commands that the binary has', (file) => {
  const text = read(file);
  const code = [
    ...[...text.matchAll(/`([^`\n]+)`/gu)].map(([, span = '']) => span),
    ...[...text.matchAll(/```sh\n([\s\S]*?)```/gu)].flatMap(([, block = '']) => block.split('\n')),
  ];
  const sources = read('src/cli.ts') + read('src/cli/promotions.ts');
  const known = [...sources.matchAll(/(?:\.command\(|asking\(program, )'([a-z]+)'/gu)].map(([, name = '']) => name);
  const named = code.flatMap((line) => [...line.matchAll(/(?:cli\.js|^flag-promotions) ([a-z]+)/gu)]);
  expect(named.map(([, name = '']) => name).filter((name) => !known.includes(name))).toEqual([]);
});

describe('docs/commands.md', () => {
  const text = read('docs/commands.md').replaceAll('\\|', '|');
  const typed = [...text.matchAll(/^\| `flag-promotions ([a-z]+(?:[ -][a-z]+)*?)(?= [<-]|`)([^`]*)`/gmu)].map(
    ([, words = '', rest = '']) => [words, rest.match(/--[a-z-]+/gu) ?? []] as const,
  );
  let cli = '';
  beforeAll(async () => {
    cli = await builtApp();
  });

  const help = async (words: string) => {
    const args = words.split(' ').filter((word) => word !== '');
    return (await run(process.execPath, [cli, ...args, '--help'], { cwd: ROOT })).stdout;
  };

  test.each(SUBCOMMANDS.map(({ usage }) => usage))('lists /flag-promotions %s', (usage) => {
    expect(text).toContain(`\`/flag-promotions ${usage}\``);
  });

  test.each(typed)('flag-promotions %s %j is in the binary', async (words, options) => {
    const said = await help(words);
    expect(said).toContain(`Usage: flag-promotions ${words}`);
    for (const option of options) expect(said).toContain(option);
  });

  test.each(['', 'operators', 'audit'])('lists every command that the binary has under “%s”', async (parent) => {
    const [, list = ''] = (await help(parent)).split('Commands:\n');
    const names = [...list.matchAll(/^ {2}(\w[\w-]*)/gmu)]
      .map(([, name = '']) => name)
      .filter((name) => name !== 'help');
    expect(names.length).toBeGreaterThan(0);
    const documented = typed.map(([words]) => words);
    const missing = names.filter((name) => {
      const words = `${parent} ${name}`.trim();
      return !documented.some((one) => one === words || one.startsWith(`${words} `));
    });
    expect(missing).toEqual([]);
  });
});

describe('docs/operating.md', () => {
  const text = read('docs/operating.md');
  const [, page = ''] = /^## At 3 a\.m\.$([\s\S]*?)(?=^## )/mu.exec(text) ?? [];
  const shell = (part: string) =>
    [...part.matchAll(/^```sh\n([\s\S]*?)^```$/gmu)].flatMap(([, block = '']) => block.trim().split('\n'));
  let cli = '';
  let database: TestDatabase;
  beforeAll(async () => {
    cli = await builtApp();
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test('opens with one page for 3 a.m.', () => {
    expect(text.indexOf('\n## ')).toBe(text.indexOf('\n## At 3 a.m.'));
    expect(page.trim().split('\n').length).toBeLessThanOrEqual(80);
    for (const part of ['Which button', 'superadmin is awake', 'Slack', 'Heroku', 'database', 'the app']) {
      expect(page).toContain(part);
    }
  });

  test('names the verdicts and the buttons as the alert does', () => {
    const cells = [...page.matchAll(/^\| \P{ASCII}\S* (\*[^|]+)\|/gmu)].map(([, cell = '']) => cell);
    const verdicts = cells.flatMap((cell) => [...cell.matchAll(/\*([^*]+)\*/gu)].map(([, verdict = '']) => verdict));
    expect(cells.length).toBeGreaterThan(6);
    // What is shown, word by word; `…`: a name.
    const shown = ['alert', 'running', 'drift'].flatMap((kind) =>
      readdirSync(path.join(ROOT, 'test/views/snapshots', kind)).map((name) =>
        read(`test/views/snapshots/${kind}/${name}`),
      ),
    );
    const isShown = (verdict: string) =>
      shown.some((text) =>
        text.split('\n').some((line) => {
          const [before = '', after = ''] = verdict.split('…');
          return line.includes(before) && line.slice(line.indexOf(before) + before.length).includes(after);
        }),
      );
    expect(verdicts.filter((verdict) => !isShown(verdict))).toEqual([]);
    const kinds = new Set(
      shown.flatMap((text) => [...text.matchAll(/\*(It IS|It is NOT|NOT|Can’t)[^*]+\*/gu)].map(([all]) => all)),
    );
    expect(kinds.size).toBeGreaterThan(6);
    expect(
      [...kinds].filter((brief) => !verdicts.some((verdict) => brief.includes(verdict.split('…')[0] ?? ''))),
    ).toEqual([]);
    const buttons = new Set([...page.matchAll(/\*\*(Mark \w+|I'm on it)\*\*/gu)].map(([, name = '']) => name));
    expect(buttons).toEqual(new Set(['Mark completed', 'Mark failed', "I'm on it"]));
    const sources = ['resolution', 'alert', 'attention'].map((view) => read(`src/views/${view}.ts`)).join('');
    for (const button of buttons) expect(sources).toContain(button.replace("'", '’'));
  });

  test('says of each thing that is kept about people what it is for, and how long', () => {
    const [, kept = ''] = /^## What is kept about people$([\s\S]*?)(?=^## )/mu.exec(text) ?? [];
    const rows = kept.split('\n').filter((line) => /^\| (?!what \||---)/u.test(line));
    for (const row of rows) expect(row).toMatch(/^(?:\| [^|]{5,} ){3}\|$/u);
    // In the order of test/app/forget.test.ts, which looks for a person's id in each table.
    const things = [
      'who is on an alert',
      'accepted a change',
      'drills',
      'enrolment links',
      'webhooks',
      'home tab',
      'operators',
    ];
    for (const thing of [...things, 'recovery codes', 'audit log', 'promotions', 'refused', 'log lines', 'backups']) {
      expect([thing, rows.some((row) => row.split(' | ')[0]?.includes(thing))]).toEqual([thing, true]);
    }
  });

  test('names commands that there are', async () => {
    const inSlack = [...text.matchAll(/`\/flag-promotions ([a-z]+)/gu)].map(([, word = '']) => word);
    expect(inSlack).toContain('stuck');
    expect(inSlack.filter((word) => !SUBCOMMANDS.some((known) => known.word === word))).toEqual([]);

    const typed = shell(text).filter((line) => line.startsWith('flag-promotions '));
    expect(typed.length).toBeGreaterThan(5);
    for (const line of typed) {
      const words = line.split(' ').slice(1);
      const command = words.filter((word) => /^[a-z]+$/u.test(word) && word !== 'superadmin');
      const { stdout } = await run(process.execPath, [cli, ...command, '--help'], { cwd: ROOT });
      expect(stdout).toContain(`Usage: flag-promotions ${command.join(' ')}`);
      for (const option of words.filter((word) => word.startsWith('--'))) expect(stdout).toContain(option);
    }
  });

  test('gives SQL that runs', async () => {
    const statements = shell(text).flatMap((line) => /-c "((?!\\)[^"]+)"/u.exec(line)?.[1] ?? []);
    expect(statements.length).toBeGreaterThan(4);
    const rows = createRowStore(database.url);
    try {
      for (const sql of statements) await expect(rows.query(`explain ${sql}`)).resolves.not.toEqual([]);
    } finally {
      await rows.close();
    }
  });
});
