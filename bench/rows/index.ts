import type { Row } from '../harness/row.js';
import { resolution } from './resolution.js';
import { statements } from './statements.js';

/** What `npm run bench` measures, what people feel most first. */
export const ROWS: readonly Row[] = [statements, resolution];
