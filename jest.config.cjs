const words = process.argv.slice(2);

/** Tests are TypeScript modules; swc turns them, and the ESM-only packages they meet, into CommonJS for Jest. */
const shared = {
  ...(words.some((word) => word.startsWith('--coverage'))
    ? { testEnvironment: 'node' }
    : {
        // Modules are loaded once a worker; coverage needs Jest's own way.
        testEnvironment: '<rootDir>/test/support/jest/environment.cjs',
        runtime: '<rootDir>/test/support/jest/runtime.cjs',
      }),
  transform: {
    '^.+\\.(ts|js|mjs)$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  transformIgnorePatterns: ['/node_modules/(?!(@noble|@scure|@otplib|otplib|emulate)/)'],
  moduleNameMapper: {
    // The package has no CommonJS entry; Jest would not find it by its name.
    '^emulate$': '<rootDir>/node_modules/emulate/dist/api.js',
    '^(\\.{1,2}/.*)\\.js$': ['$1', '$1.js'],
  },
  // What the bench compiles and keeps, and what Stryker does, is none of the tests' business.
  modulePathIgnorePatterns: ['<rootDir>/bench/\\.(?:build|cache)/', '<rootDir>/\\.stryker/', '<rootDir>/artifacts/'],
};

/** Pure: they need no server, and so no setup. Those with thousands of cases take longer, and are with the others. */
const FOLDERS = ['promotions', 'operators', 'fixtures', 'views'];
const MANY = '(?:views/hostile|.*/many-)';
const CORE = `/test/(?!${MANY})(?:${FOLDERS.join('|')})/`;
const core = {
  ...shared,
  displayName: 'core',
  testMatch: [`<rootDir>/test/{${FOLDERS.join(',')}}/**/*.test.ts`],
  testPathIgnorePatterns: ['/node_modules/', `/test/${MANY}`],
};

const app = {
  ...shared,
  displayName: 'app',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', CORE, '<rootDir>/test/browser/'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** They need a Chromium. */
const browser = {
  ...app,
  displayName: 'browser',
  testMatch: ['<rootDir>/test/browser/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
};

/** Who watches and names nothing gets the core, all of it on each save. */
const watchesAll =
  words.some((word) => word.startsWith('--watch')) && words.every((word) => word.startsWith('--watch'));

module.exports = {
  projects: watchesAll ? [core] : [core, app, browser],
  // Jest selects tests by what they import, and would miss a case, which a test reads. With a name's pattern it runs all.
  ...(watchesAll ? { testNamePattern: '.' } : {}),
  // `npm run coverage`: the parts of which each line decides something at 3 a.m.
  coverageProvider: 'v8',
  collectCoverageFrom: ['src/{promotions,operators,outbox}/**/*.ts'],
  coverageThreshold: Object.fromEntries(
    ['promotions', 'operators', 'outbox'].map((part) => [
      `./src/${part}/`,
      { statements: 95, branches: 95, functions: 95, lines: 95 },
    ]),
  ),
  // Tests mostly wait, for databases, processes and each other: one worker a core would leave the cores idle. The core's
  // own never wait.
  maxWorkers: watchesAll ? '100%' : 3,
  // Nothing waits for its limit unless something is broken: far from what the busiest machine takes.
  testTimeout: 180_000,
};
