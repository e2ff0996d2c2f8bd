import { execFileSync } from 'node:child_process';
import { nodeOf } from '../../scripts/npm-node.js';
import { ROOT } from './processes.js';

/** Needed by the newest pg-boss and graphile-worker; npm's Node is used if this one is older. */
const NEEDED_MAJOR = 24;
const PACKAGED = '24.22.3';

/** The Node for all sides of rows with pg-boss or graphile-worker: this one, or npm's. */
export const PEER_NODE =
  Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR ? process.execPath : nodeOf(PACKAGED, ROOT);
export const PEER_NODE_VERSION = execFileSync(PEER_NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
