import { nextVerification, type RunningDyno, type RunningLook, reportOf } from '../../src/promotions/running.js';
import { HOUR, MINUTE, SECOND } from './make.js';

const dyno = (name: string, state = 'up', release = 5): RunningDyno => ({
  name,
  type: name.replace(/\..*$/u, ''),
  state,
  release,
});

describe('what dynos say about release v5', () => {
  test.each<[string, readonly RunningDyno[], object]>([
    ['all up', [dyno('web.1'), dyno('worker.1', 'idle', 6)], { kind: 'running', total: 2 }],
    ['none', [], { kind: 'scaled_to_zero' }],
    ['only one-off ones', [dyno('run.17', 'crashed'), dyno('scheduler.2', 'up')], { kind: 'scaled_to_zero' }],
    [
      'one-off ones beside others',
      [dyno('run.17', 'crashed'), dyno('scheduler.2', 'crashed'), dyno('release.1', 'starting'), dyno('web.1')],
      { kind: 'running', total: 1 },
    ],
    ['one crashed', [dyno('web.1', 'crashed'), dyno('web.2')], { kind: 'crashed', dyno: 'web.1', release: 5 }],
    ['one crashed in a later release', [dyno('web.1', 'crashed', 7)], { kind: 'crashed', dyno: 'web.1', release: 7 }],
    [
      'one that crashed before, and is to be replaced',
      [dyno('web.1', 'crashed', 4), dyno('web.2')],
      { kind: 'not_up', dyno: 'web.1', state: 'crashed', up: 1, total: 2 },
    ],
    [
      'one that starts',
      [dyno('web.1', 'starting'), dyno('web.2')],
      { kind: 'not_up', dyno: 'web.1', state: 'starting', up: 1, total: 2 },
    ],
    [
      'one of before, as with preboot',
      [dyno('web.1', 'up', 4), dyno('web.1', 'up', 5)],
      { kind: 'not_up', dyno: 'web.1', state: 'still at v4', up: 1, total: 2 },
    ],
    [
      'a state that nobody knows',
      [dyno('web.1', 'hibernating')],
      { kind: 'not_up', dyno: 'web.1', state: 'hibernating', up: 0, total: 1 },
    ],
  ])('%s', (_what, dynos, expected) => expect(reportOf(dynos, 5)).toEqual(expected));
});

describe('what follows from a look', () => {
  const read = (...dynos: RunningDyno[]): RunningLook => ({ kind: 'read', report: reportOf(dynos, 5) });
  const starting = read(dyno('web.1', 'starting'));
  const times = (sinceMs: number, answeredMs = sinceMs, withinMs = 10 * MINUTE) => ({ sinceMs, answeredMs, withinMs });

  test.each<[string, RunningLook, ReturnType<typeof times>, object]>([
    ['it runs', read(dyno('web.1')), times(0), { kind: 'end', as: 'running' }],
    ['it crashed', read(dyno('web.1', 'crashed')), times(0), { kind: 'end', as: 'crashed' }],
    ['it is scaled to zero', read(), times(0), { kind: 'end', as: 'scaled_to_zero' }],
    ['the key may not look', { kind: 'forbidden' }, times(0), { kind: 'end', as: 'forbidden' }],
    ['it starts', starting, times(0), { kind: 'look_again', waitMs: 10 * SECOND }],
    ['it still starts', starting, times(9 * MINUTE), { kind: 'look_again', waitMs: 54 * SECOND }],
    ['it is not up in time', starting, times(10 * MINUTE), { kind: 'end', as: 'late' }],
    ['preboot is allowed for', starting, times(2 * MINUTE, 2 * MINUTE, MINUTE), { kind: 'look_again' }],
    ['and no longer', starting, times(3 * MINUTE, 3 * MINUTE, MINUTE), { kind: 'end', as: 'late' }],
    ['Heroku was silent until now', starting, times(5 * HOUR, 0), { kind: 'look_again', waitMs: 10 * MINUTE }],
    ['Heroku is silent', { kind: 'unavailable' }, times(5 * HOUR, 0), { kind: 'look_again' }],
    ['Heroku was silent for a day', { kind: 'unavailable' }, times(24 * HOUR, 0), { kind: 'end', as: 'unknown' }],
  ])('%s', (_what, look, verifying, expected) => expect(nextVerification(look, verifying)).toMatchObject(expected));
});
