/** Tests are TypeScript modules; swc turns them, and the ESM-only packages they meet, into CommonJS for Jest. */
module.exports = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
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
  modulePathIgnorePatterns: ['<rootDir>/bench/\\.(?:build|cache)/', '<rootDir>/\\.stryker/'],
  // Tests mostly wait, for databases, processes and each other: one worker a core would leave the cores idle.
  maxWorkers: 3,
  // Nothing waits for its limit unless something is broken: far from what the busiest machine takes.
  testTimeout: 180_000,
};
