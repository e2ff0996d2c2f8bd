import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { AREAS } from './mutants/areas.js';

/** The workflow files run what `.ci/run` runs, with the same scripts, and nothing that doesn't exist. */

const ROOT = path.resolve(__dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const rights = z.record(z.string(), z.string());
const step = z.looseObject({ id: z.string().optional(), uses: z.string().optional(), run: z.string().optional() });
const workflow = z.object({
  permissions: rights,
  jobs: z.record(
    z.string(),
    z.looseObject({
      'timeout-minutes': z.number(),
      permissions: rights.optional(),
      needs: z.string().optional(),
      strategy: z.object({ matrix: z.record(z.string(), z.array(z.union([z.string(), z.number()]))) }).optional(),
      steps: z.array(step),
    }),
  ),
});

const FILES = readdirSync(path.join(ROOT, '.github/workflows'));
const workflows = new Map(FILES.map((file) => [file, workflow.parse(parse(read(`.github/workflows/${file}`)))]));
const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));

const steps = [...workflows.values()].flatMap(({ jobs }) => Object.values(jobs).flatMap((job) => job.steps));
const commands = steps.flatMap(({ run }) => (run ?? '').split('\n')).map((line) => line.trim());
const ofCi = read('.ci/run')
  .split('\n')
  .filter((line) => line.startsWith('npm '));

/** `test` of `npm test -- …`, `lint` of `npm run lint`; null for npm's own commands. */
const scriptOf = (command: string) => /^npm (?:run ([\w:-]+)|(test)\b)/u.exec(command)?.slice(1).find(Boolean) ?? null;

test('the files that the issue tracker and the releases rest on are there', () => {
  expect(FILES).toEqual(
    expect.arrayContaining(['ci.yml', 'nightly.yml', 'codeql.yml', 'dependency-review.yml', 'release.yml']),
  );
});

test('they call scripts that package.json has', () => {
  const called = commands.map(scriptOf).filter((name) => name !== null);
  expect(new Set(called).size).toBeGreaterThan(8);
  expect(called.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('every step of .ci/run is a step of ci.yml, with the same arguments', () => {
  const inCi = Object.values(workflows.get('ci.yml')?.jobs ?? {}).flatMap((job) =>
    job.steps.map(({ run }) => run ?? ''),
  );
  expect(ofCi.length).toBeGreaterThan(6);
  const missing = ofCi.filter((command) =>
    // The jobs split the tests by Jest's projects: together they are all.
    command === 'npm test' ? !testsAll(inCi) : !inCi.includes(command),
  );
  expect(missing).toEqual([]);
});

function testsAll(runs: readonly string[]): boolean {
  const selected = runs.flatMap((run) => /^npm test -- --selectProjects (.+)$/u.exec(run)?.[1]?.split(' ') ?? []);
  const { projects } = z
    .object({ projects: z.array(z.object({ displayName: z.string() })) })
    .parse(jest.requireActual('../jest.config.cjs'));
  return projects.every(({ displayName }) => selected.includes(displayName));
}

test('tests run on every Node and PostgreSQL that is supported, and mutants in every area', () => {
  const matrix = (file: string, job: string) => workflows.get(file)?.jobs[job]?.strategy?.matrix;
  expect(matrix('ci.yml', 'test')).toEqual({ node: [20, 22, 24, 26] });
  expect(matrix('ci.yml', 'postgres')).toEqual({ postgres: [13, 15, 18] });
  expect(matrix('nightly.yml', 'mutants')).toEqual({ area: Object.keys(AREAS) });
});

test('other people’s actions are pinned by commit, with the version beside it', () => {
  const used = FILES.flatMap((file) => [...read(`.github/workflows/${file}`).matchAll(/uses: (.+)$/gmu)]);
  expect(used.length).toBe(steps.filter(({ uses }) => uses !== undefined).length);
  const loose = used
    .map(([, uses = '']) => uses)
    .filter((uses) => !/^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/u.test(uses));
  expect(loose).toEqual([]);
});

test.each(FILES)('%s: no more rights than reading by default, and no expression inside a shell line', (file) => {
  const { permissions, jobs } = workflows.get(file) ?? { permissions: {}, jobs: {} };
  expect(permissions).toEqual({ contents: 'read' });
  // A name that an attacker chose (a branch, a title) would be run. The matrix is ours.
  const lines = Object.values(jobs).flatMap((job) => job.steps.map(({ run }) => run ?? ''));
  const expressions = lines.flatMap((line) => line.match(/\$\{\{[^}]*\}\}/gu) ?? []);
  expect(expressions.filter((one) => !/^\$\{\{ matrix\.\w+ \}\}$/u.test(one))).toEqual([]);
});

const jobs = [...workflows].flatMap(([file, { jobs: all }]) =>
  Object.entries(all).map(([name, job]) => ({ name: `${file} ${name}`, file, job })),
);

test('a job has more rights only if it publishes something', () => {
  const more = jobs.flatMap(({ name, job: { permissions } }) =>
    permissions === undefined ? [] : [[name, permissions]],
  );
  expect(Object.fromEntries(more)).toEqual({
    'codeql.yml analyze': { contents: 'read', 'security-events': 'write' },
    'release.yml package': { contents: 'write', 'id-token': 'write', attestations: 'write' },
    'release.yml image': { contents: 'read', packages: 'write', 'id-token': 'write', attestations: 'write' },
  });
});

test('needs and expressions name what is there', () => {
  const needed = jobs.filter(({ job }) => job.needs !== undefined);
  expect(needed.map(({ file, job }) => [file, job.needs])).toEqual([['release.yml', 'package']]);
  expect(workflows.get('release.yml')?.jobs['package']).toBeDefined();

  const wrong = jobs.flatMap(({ name, job }) =>
    expressionsIn(job.steps).flatMap(({ index, expression }) =>
      isKnown(expression, job.strategy?.matrix ?? {}, job.steps.slice(0, index)) ? [] : [`${name}: ${expression}`],
    ),
  );
  expect(wrong).toEqual([]);
  expect(jobs.flatMap(({ job }) => expressionsIn(job.steps)).length).toBeGreaterThan(10);
});

type Step = z.output<typeof step>;

function expressionsIn(all: readonly Step[]): { readonly index: number; readonly expression: string }[] {
  return all.flatMap((one, index) =>
    [...JSON.stringify(one).matchAll(/\$\{\{ (.+?) \}\}/gu)].map(([, expression = '']) => ({ index, expression })),
  );
}

/** Of an action's outputs only the one that is used: its own documentation has them. */
const OUTPUTS = { 'docker/build-push-action': ['digest'] };
const CONTEXT = ['github.actor', 'github.ref_name', 'github.run_id', 'github.token', 'secrets.NPM_TOKEN'];

function isKnown(expression: string, matrix: object, before: readonly Step[]): boolean {
  const [context, name = '', , output = ''] = expression.split('.');
  if (context === 'matrix') return name in matrix;
  if (context !== 'steps') return CONTEXT.includes(expression);
  const { run = '', uses = '' } = before.find(({ id }) => id === name) ?? {};
  const documented = Object.entries(OUTPUTS).find(([action]) => uses.startsWith(`${action}@`))?.[1] ?? [];
  return run.includes(`"${output}=`) ? run.includes('>> "$GITHUB_OUTPUT"') : documented.includes(output);
}

test('the coverage’s floor is at least 95 % where a decision is made', () => {
  const { coverageThreshold } = z
    .object({ coverageThreshold: z.record(z.string(), z.record(z.string(), z.number().min(95))) })
    .parse(jest.requireActual('../jest.config.cjs'));
  expect(Object.keys(coverageThreshold)).toEqual(['./src/promotions/', './src/operators/', './src/outbox/']);
});

test('the templates and Dependabot’s settings are YAML', () => {
  for (const file of ['dependabot.yml', 'ISSUE_TEMPLATE/bug.yml', 'ISSUE_TEMPLATE/idea.yml']) {
    expect(parse(read(`.github/${file}`))).toEqual(expect.any(Object));
  }
});
