#!/usr/bin/env node
/*
 * The file that is started. A Node that is too old can't even read the app: so this one holds nothing that it can't read, and
 * imports the app only where that works. `NEEDED_NODE` is the least of package.json's engines, put in by the build.
 */
(() => {
  const isOlder = (one, other) => one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]);
  const parts = (version) => version.split('.').map(Number);
  const { node } = process.versions;
  if (isOlder(parts(node), parts(NEEDED_NODE))) {
    process.stderr.write(`flag-promotions needs Node ${NEEDED_NODE} or later, best Node 24; this is Node ${node}.\n`);
    // As for a wrong setting: nothing but a person can mend it.
    process.exitCode = 78;
    return;
  }
  // Stack traces then name the sources. Only what is loaded from here on has them.
  process.setSourceMapsEnabled(true);
  // What is not handled ends the process, with its stack.
  void import('./commands.js');
})();
