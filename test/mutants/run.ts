import { readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Stryker } from '@stryker-mutator/core';
import { startTestServer } from '../support/database.js';
import { AREAS, type Area } from './areas.js';
import { jestConfigOf } from './jest-config.js';
import { SURVIVORS } from './survivors.js';

/**
 * `npm run mutants [-- <area> …]`: changes the code in one place after the other, and checks that a test fails. Exit
 * code 1 if an area's score is too low, or if the survivors differ from `survivors.ts`.
 *
 * Results are kept in `.stryker`: a second run tries only what changed meanwhile, in the code or in its tests.
 */
const LEAST_SCORE = 90;

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

function runStryker(name: string, { mutate, tests }: Area): Promise<readonly Mutant[]> {
  return new Stryker({
    mutate: [...mutate],
    testRunner: 'jest',
    plugins: ['@stryker-mutator/jest-runner'],
    coverageAnalysis: 'perTest',
    concurrency: 1,
    // A run may wait while the machine is busy: only what never ends may count as a timeout.
    timeoutMS: 60_000,
    // Stryker reads it through an API that TypeScript 7 doesn't have; swc, which compiles the tests, doesn't need it.
    tsconfigFile: 'none',
    ignorePatterns: ['artifacts', 'bench', 'docs'],
    tempDirName: '.stryker/sandbox',
    incremental: true,
    incrementalFile: `.stryker/${name}.json`,
    reporters: ['progress-append-only', 'html'],
    htmlReporter: { fileName: `.stryker/${name}.html` },
    jest: {
      projectType: 'custom',
      config: jestConfigOf(tests),
      enableFindRelatedTests: true,
    },
  }).runMutationTest();
}

function codeOf({ fileName, location: { start, end } }: Mutant): string {
  const lines = readFileSync(fileName, 'utf8')
    .split('\n')
    .slice(start.line - 1, end.line);
  const last = lines.length - 1;
  return oneLine(
    lines
      .map((line, index) => line.slice(index === 0 ? start.column - 1 : 0, index === last ? end.column - 1 : undefined))
      .join('\n'),
  );
}

function oneLine(code: string | undefined): string {
  return (code ?? '').replaceAll(/\s+/gu, ' ');
}

/** Prints an area's result; whether it is good enough. */
function judge(name: string, mutants: readonly Mutant[]): boolean {
  const countOf = (...statuses: readonly Mutant['status'][]) =>
    mutants.filter(({ status }) => statuses.includes(status)).length;
  const killed = countOf('Killed', 'Timeout');
  const all = killed + countOf('Survived', 'NoCoverage');
  const score = (killed / all) * 100;
  out(`\n${name}: ${killed} of ${all} killed, ${score.toFixed(1)} %`);

  const expected = new Set(SURVIVORS.filter(({ file }) => mutants.some(({ fileName }) => relative(fileName) === file)));
  let unlisted = 0;
  for (const mutant of mutants) {
    if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue;
    const [file, code, becomes] = [relative(mutant.fileName), codeOf(mutant), oneLine(mutant.replacement)];
    const known = SURVIVORS.find((one) => one.file === file && one.code === code && one.becomes === becomes);
    if (known !== undefined) {
      expected.delete(known);
      continue;
    }
    unlisted += 1;
    out(`  survived: ${file}:${mutant.location.start.line}  ${code} → ${becomes}`);
  }
  for (const { file, code, becomes } of expected) out(`  no longer survives: ${file}  ${code} → ${becomes}`);
  return score >= LEAST_SCORE && unlisted === 0 && expected.size === 0;
}

const relative = (file: string): string => path.relative(ROOT, file);

function out(text: string): void {
  process.stdout.write(`${text}\n`);
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(AREAS, name));
if (unknown.length > 0) {
  out(`No such area: ${unknown.join(', ')}. There are: ${Object.keys(AREAS).join(', ')}.`);
  process.exit(2);
}
// It takes hours: everything else comes first.
setPriority(15);
process.chdir(ROOT);
const server = await startTestServer();
try {
  for (const [name, area] of Object.entries(AREAS)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    if (!judge(name, await runStryker(name, area))) process.exitCode = 1;
  }
} finally {
  await server.stop();
}
