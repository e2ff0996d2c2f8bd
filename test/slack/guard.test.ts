import { createGuard } from '../../src/slack/guard.js';
import { createLogger } from '../../src/log.js';
import { HELD_BACK, REFUSED } from './bodies.js';

const lines: string[] = [];
let heldBack = 0;
const guard = createGuard({
  log: createLogger('debug', { write: (line) => void lines.push(line) }),
  onEventsHeldBack: () => {
    heldBack += 1;
  },
});
beforeEach(() => {
  lines.length = 0;
  heldBack = 0;
});

test.each(REFUSED.map((body) => [JSON.stringify(body), body] as const))(
  '%s is refused, and logged without what it holds',
  (_, body) => {
    expect(guard(body)).toEqual({ kind: 'refuse' });
    expect(lines).toHaveLength(1);
    expect(lines.join()).not.toContain('123456');
  },
);

test.each([undefined, Number.NaN, Symbol('x'), () => undefined])('what is no JSON (%p) is refused', (body) => {
  expect(guard(body)).toEqual({ kind: 'refuse' });
});

test.each([
  { type: 'event_callback', event: { type: 'something_new', of: ['any', 'shape'] }, team_id: null },
  { command: '/flag-promotions', user_id: 'U1', text: '' },
  { type: 'block_actions', user: { id: 'U1' }, actions: [{ action_id: 'a', value: null }], team: null },
  { type: 'view_submission', user: { id: 'U1' }, view: { id: 'V1' } },
  { type: 'view_closed', user: { id: 'U1' }, view: { id: 'V1' } },
  { type: 'message_action', user: { id: 'U1' }, callback_id: 'c', message: {} },
  { type: 'shortcut', user: { id: 'U1' }, callback_id: 'c' },
])('%j is for Bolt, whole', (body) => {
  expect(guard(body)).toEqual({ kind: 'handle', body });
  expect(lines).toEqual([]);
});

test.each([
  [HELD_BACK, '2018-02-12T20:37:00.000Z'],
  [{ type: 'app_rate_limited' }, null],
  [{ type: 'app_rate_limited', minute_rate_limited: 'soon' }, null],
  [{ type: 'app_rate_limited', minute_rate_limited: 1e300 }, null],
])('%j is acknowledged, logged with its minute and counted', (body, since) => {
  expect(guard(body)).toEqual({ kind: 'acknowledge' });
  expect(heldBack).toBe(1);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ level: 'warn', since, msg: expect.stringContaining('app_rate_limited') }),
  ]);
});
