import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';

const FILE = path.resolve('jest.config.cjs');
const { projects, ...common } = z
  .looseObject({ projects: z.array(z.looseObject({})).min(1) })
  .parse(createRequire(FILE)(FILE));
/** Of the projects only the core's, which needs no server: what an area needs is started once, not for each mutant. */
const { runtime: _, ...core } = projects[0] ?? {};

/** Jest's configuration for an area's tests: globs from the root. Run in the project's folder. */
export const jestConfigOf = (tests: readonly string[]) => ({
  ...common,
  ...core,
  // Stryker adds its own to Jest's environment.
  testEnvironment: 'node',
  testMatch: tests.map((glob) => `<rootDir>/${glob}`),
  testPathIgnorePatterns: ['/node_modules/'],
  // What is undefined does not reach the worker.
  globalSetup: null,
  globalTeardown: null,
});
