import type { Row } from '../harness/row.js';
import { acks } from './acks.js';
import { adoption } from './adoption.js';
import { audit } from './audit.js';
import { blocks } from './blocks.js';
import { connections } from './connections.js';
import { costs } from './costs.js';
import { durable } from './durable.js';
import { footprint } from './footprint.js';
import { idle } from './idle.js';
import { install } from './install.js';
import { keepAlive } from './keep-alive.js';
import { commands, detection, stats } from './large.js';
import { pickUp } from './pick-up.js';
import { resolution } from './resolution.js';
import { statements } from './statements.js';
import { takeover } from './takeover.js';
import { visible } from './visible.js';

/** What `npm run bench` measures, what people feel most first. */
export const ROWS: readonly Row[] = [
  statements,
  durable,
  resolution,
  idle,
  stats,
  blocks,
  audit,
  footprint,
  install,
  visible,
  connections,
  keepAlive,
  takeover,
  pickUp,
  acks,
  costs,
  detection,
  commands,
  adoption,
];
