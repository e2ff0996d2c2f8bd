import { execFileSync } from 'node:child_process';
import { nodeOf } from '../../scripts/npm-node.js';
import { ROOT } from './processes.js';

/** What the newest pg-boss and graphile-worker need, and the one from npm where this one is older. */
const NEEDED_MAJOR = 24;
const PACKAGED = '24.22.3';

/** The Node on which rows with pg-boss or graphile-worker run all their sides: this one, or the one from npm. */
export const PEER_NODE =
  Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR ? process.execPath : nodeOf(PACKAGED, ROOT);
export const PEER_NODE_VERSION = execFileSync(PEER_NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
