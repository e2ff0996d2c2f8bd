#!/usr/bin/env node
/*
 * The file that is started. A Node that is too old can't parse the app: so this file contains only what it can, and
 * imports the app if that works. The build fills in `NEEDED_NODE` from package.json's engines.
 */
(() => {
  const isOlder = (one, other) => one[0] < other[0] || (one[0] === other[0] && one[1] < other[1]);
  const parts = (version) => version.split('.').map(Number);
  const { node } = process.versions;
  if (isOlder(parts(node), parts(NEEDED_NODE))) {
    process.stderr.write(`flag-promotions needs Node ${NEEDED_NODE} or later, best Node 24; this is Node ${node}.\n`);
    // As for a wrong setting: only a person can fix it.
    process.exitCode = 78;
    return;
  }
  // Stack traces then name the sources. Only what is loaded from here on has them.
  process.setSourceMapsEnabled(true);
  // An unhandled rejection ends the process, with its stack.
  void import('./commands.js');
})();
