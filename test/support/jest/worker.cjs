/**
 * Whether this process only runs test files. Jest's own, which runs a single file, has loaded modules in another way for
 * its globalSetup: two copies of a class of errors are two classes.
 */
exports.isWorker = /jest-worker/u.test(process.argv[1] ?? '');
