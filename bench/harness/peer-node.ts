import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './processes.js';

/** What the newest pg-boss and graphile-worker need. */
const NEEDED_MAJOR = 24;

/** The Node on which rows with pg-boss or graphile-worker run all their sides: this one, or the one from npm. */
export const PEER_NODE = find();
export const PEER_NODE_VERSION = execFileSync(PEER_NODE, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();

function find(): string {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath;
  const packaged = path.join(ROOT, `bench/node_modules/node-${process.platform}-${process.arch}/bin/node`);
  if (existsSync(packaged)) return packaged;
  throw new Error(`pg-boss and graphile-worker need Node ${NEEDED_MAJOR}: run the bench with it.`);
}
