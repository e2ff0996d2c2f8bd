const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');
const { ModernFakeTimers } = require('@jest/fake-timers');
const { TestEnvironment } = require('jest-environment-node');
const { ModuleMocker } = require('jest-mock');
const { isWorker } = require('./worker.cjs');

/** What Jest replaces in `process` for each file. */
const REPLACED = ['exit', 'getBuiltinModule'];
/** Jest's symbols among the globals. Those of packages stay, as the packages do. */
const OF_JEST = /^(?:JEST_STATE_SYMBOL|EVENT_HANDLERS|TEST_TIMEOUT_SYMBOL|RETRY_.*|.*_RETRY)$/u;

/** Of about 80 MB that are in use. */
const MOST_HEAP_BYTES = 200 * 2 ** 20;
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

/**
 * Node's own globals instead of a sandbox for each test file, so that what one file has loaded serves the next
 * (runtime.cjs). At a file's end the globals and the environment's variables are again as they were before it.
 */
class SharedGlobals {
  #globals = Object.getOwnPropertyDescriptors(globalThis);
  #replaced = REPLACED.map((name) => [name, process[name]]);
  #variables = { ...process.env };

  constructor({ projectConfig }) {
    this.global = globalThis;
    this.moduleMocker = new ModuleMocker(globalThis);
    this.fakeTimers = null;
    this.fakeTimersModern = new ModernFakeTimers({ config: projectConfig, global: globalThis });
  }

  exportConditions() {
    return ['node', 'node-addons'];
  }

  /** There is none; Jest demands a value. */
  getVmContext() {
    return globalThis;
  }

  setup() {
    return Promise.resolve();
  }

  async teardown() {
    this.fakeTimersModern.dispose();
    for (const [name, value] of this.#replaced) process[name] = value;
    for (const name of Object.keys(process.env)) if (!(name in this.#variables)) delete process.env[name];
    Object.assign(process.env, this.#variables);
    for (const key of Reflect.ownKeys(globalThis)) {
      const isOwn = typeof key === 'string' || OF_JEST.test(key.description);
      if (isOwn && !(key in this.#globals)) delete globalThis[key];
    }
    Object.defineProperty(globalThis, 'console', this.#globals.console);
    // V8 has no reason to. But a process's memory is freed page by page when it ends, and Jest takes a worker that ends
    // half a second late for one that leaks.
    if (process.memoryUsage().heapTotal > MOST_HEAP_BYTES) collectGarbage();
  }
}

module.exports = isWorker ? SharedGlobals : TestEnvironment;
