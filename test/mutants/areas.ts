/** Code to mutate, and the tests that have to kill the mutants. Globs, from the root. */
export interface Area {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

export const AREAS: Readonly<Record<string, Area>> = {
  core: {
    mutate: ['src/promotions/**/*.ts'],
    tests: ['test/promotions/**/*.test.ts', 'test/fixtures/**/*.test.ts', 'test/views/rca-draft.test.ts'],
  },
  operators: { mutate: ['src/operators/**/*.ts'], tests: ['test/operators/**/*.test.ts'] },
  outbox: { mutate: ['src/outbox/**/*.ts'], tests: ['test/outbox/**/*.test.ts'] },
  promoter: {
    mutate: ['src/jobs/promoter.ts', 'src/db/held-lease.ts'],
    tests: ['test/jobs/promoter.test.ts', 'test/db/held-lease.test.ts', 'test/app/promoter.test.ts'],
  },
};
