/**
 * Whether this process only runs test files. Jest's own, which runs a single file, has loaded modules in another way for
 * its globalSetup: two copies of a class of errors are two classes.
 */
exports.isWorker = /jest-worker/u.test(process.argv[1] ?? '');

// A worker that hasn't ended half a second after Jest asked it to counts as one that leaks. Node frees its heap page by
// page, which takes longer on a busy machine: with nothing left to do, leave that to the kernel.
if (exports.isWorker) process.once('exit', () => process.reallyExit(process.exitCode ?? 0));
