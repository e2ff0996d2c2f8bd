import { holdLease } from '../../src/db/held-lease.js';

const START = 1_000;
let now: number;
const held = () => holdLease({ owner: 'mine', durationMs: 20_000 }, START, () => now);
beforeEach(() => {
  now = START;
});

test('a lease is fresh for less than half of its time, and keeps its owner and its length', () => {
  const lease = held();
  expect(lease).toMatchObject({ owner: 'mine', durationMs: 20_000 });
  expect(lease.isFresh()).toBe(true);
  now = START + 9_999;
  expect(lease.isFresh()).toBe(true);
  now = START + 10_000;
  expect(lease.isFresh()).toBe(false);
});

test('a renewal counts from when it was asked for, and an older one that is answered later takes nothing back', () => {
  const lease = held();
  lease.confirm(START + 6_000);
  lease.confirm(START + 3_000);
  now = START + 15_999;
  expect(lease.isFresh()).toBe(true);
  now = START + 16_000;
  expect(lease.isFresh()).toBe(false);
});

test('a lease that somebody else has is never fresh again', () => {
  const lease = held();
  lease.lose();
  expect(lease.isFresh()).toBe(false);
  lease.confirm(START);
  expect(lease.isFresh()).toBe(false);
});
