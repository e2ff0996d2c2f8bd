const { existsSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { compileFunction } = require('node:vm');
const { default: Runtime } = require('jest-runtime');
const { isWorker } = require('./worker.cjs');

const ROOT = path.resolve(__dirname, '../../..');

/** Of what Node has loaded: a file's source map, for the lines in stack traces. */
const sourceMaps = new Map();
/** The runtime of the test file that runs. */
let current;

/**
 * Jest loads a test file, and Node what it imports, once for all files of a worker: loading everything for each file
 * took a fifth of a run.
 */
class SharedModules extends Runtime {
  constructor(...all) {
    super(...all);
    const [{ moduleNameMapper }, , , transformer] = all;
    this.toCommonJs = (file) => transformer.transform(file, this._getFullTransformationOptions());
    this.executor.compile = (source, filename) =>
      compileFunction(source, this.executor.injectedModuleParameters, { filename });
    for (const [file, map] of sourceMaps) this.getSourceMaps().set(file, map);
    if (current === undefined) teachNode(moduleNameMapper);
    current = this;
  }

  requireModuleOrMock(from, name) {
    return isOurs(from) ? Module.createRequire(from)(name) : super.requireModuleOrMock(from, name);
  }

  /** Of Jest's own modules only its runner is loaded for each file: it keeps that file's tests. */
  requireInternalModule(from, name) {
    const isPackage = name !== undefined && /^[@a-z]/u.test(name);
    return isPackage ? Module.createRequire(from)(name) : super.requireInternalModule(from, name);
  }
}

module.exports = isWorker ? SharedModules : Runtime;

const isOurs = (file) => file.startsWith(ROOT + path.sep) && !file.startsWith(path.join(ROOT, 'node_modules'));

/** Node then finds and reads TypeScript as the configuration tells Jest to. */
function teachNode(moduleNameMapper) {
  const packages = moduleNameMapper.filter(([, to]) => typeof to === 'string');
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    const mapped = packages.find(([name]) => new RegExp(name).test(request))?.[1];
    const typeScript =
      /^\.{1,2}\/.*\.js$/u.test(request) && isOurs(parent?.filename ?? '')
        ? ['.ts', '.tsx'].map((end) => path.resolve(path.dirname(parent.filename), request.slice(0, -3) + end))
        : [];
    return mapped ?? typeScript.find((file) => existsSync(file)) ?? resolve.call(this, request, parent, ...rest);
  };
  for (const end of ['.ts', '.tsx']) {
    Module._extensions[end] = (module, file) => {
      const { code, sourceMapPath } = current.toCommonJs(file);
      if (sourceMapPath) {
        sourceMaps.set(file, sourceMapPath);
        current.getSourceMaps().set(file, sourceMapPath);
      }
      withoutJest(() => module._compile(code, file));
    };
  }
}

/** They belong to one test file: a module that kept them would hand them to the next one. */
const OF_A_FILE = ['afterAll', 'afterEach', 'beforeAll', 'beforeEach', 'describe', 'expect', 'it', 'jest', 'test'];

/** A module that uses them when it is loaded, and not when it is called, then fails for every file. */
function withoutJest(load) {
  const kept = OF_A_FILE.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const name of OF_A_FILE) delete globalThis[name];
  try {
    load();
  } finally {
    for (const [name, own] of kept) if (own !== undefined) Object.defineProperty(globalThis, name, own);
  }
}
