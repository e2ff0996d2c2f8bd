import { createLogger } from '../src/log.js';
import { type Check, createReadiness, NotReadyError } from '../src/readiness.js';

/** A clock in milliseconds that moves when it is told to. */
function stopwatch() {
  let at = 1_000;
  return {
    elapsed: () => at,
    advance(milliseconds: number) {
      at += milliseconds;
    },
  };
}

function check(name: string, run: () => Promise<void>, freshForMs = 1_000): Check & { run: jest.Mock } {
  return { name, run: jest.fn(run), freshForMs };
}
const works = async (): Promise<void> => undefined;
const fails = (words: string) => async (): Promise<void> => {
  throw new NotReadyError(words);
};

const lines: string[] = [];
const log = createLogger('debug', { write: (line) => void lines.push(line) });
const readinessOf = (checks: readonly Check[], elapsed: () => number) => createReadiness(checks, elapsed, log);
beforeEach(() => {
  lines.length = 0;
});

describe('readiness', () => {
  test('is given if every check passes', async () => {
    const ask = readinessOf([check('database', works), check('slack', works)], stopwatch().elapsed);
    expect(await ask()).toEqual({ ready: true, checks: { database: 'ok', slack: 'ok' } });
  });

  test('notes what is worth a look, and is given all the same', async () => {
    const noting = (notes: () => Promise<readonly string[]>) =>
      createReadiness([check('slack', works)], stopwatch().elapsed, log, notes)();
    const says = 'Unknown states: in_progress (2).';
    expect(await noting(async () => [says])).toEqual({ ready: true, checks: { slack: 'ok' }, notes: [says] });
    expect(await noting(async () => [])).toEqual({ ready: true, checks: { slack: 'ok' } });
  });

  test('is missing if one fails, and says what is wrong with which', async () => {
    const ask = readinessOf([check('database', fails('no connection')), check('slack', works)], stopwatch().elapsed);
    expect(await ask()).toEqual({ ready: false, checks: { database: 'no connection', slack: 'ok' } });
  });

  test.each([
    ['an error without words', new Error('')],
    ['an error that may name a host', new Error('connect ECONNREFUSED 10.1.2.3:5432')],
    ['something that is no error', 'words'],
    ['nothing', undefined],
  ])('says "failed" if a check rejects with %s', async (_, reason) => {
    const ask = readinessOf([check('slack', () => Promise.reject(reason))], stopwatch().elapsed);
    expect(await ask()).toEqual({ ready: false, checks: { slack: 'failed' } });
  });

  test('does not ask again while an answer is fresh, good or bad, and asks again after', async () => {
    const watch = stopwatch();
    const good = check('slack', works, 15_000);
    const bad = check('database', fails('down'), 2_000);
    const always = check('watchdog', works, 0);
    const ask = readinessOf([good, bad, always], watch.elapsed);
    await ask();
    watch.advance(1_000);
    await ask();
    expect([good, bad, always].map(({ run }) => run.mock.calls.length)).toEqual([1, 1, 2]);
    watch.advance(1_000);
    await ask();
    expect([good, bad, always].map(({ run }) => run.mock.calls.length)).toEqual([1, 2, 3]);
    watch.advance(13_000);
    await ask();
    expect(good.run).toHaveBeenCalledTimes(2);
  });

  test('is one answer for all who ask at once or within a second, whatever is fresh', async () => {
    const watch = stopwatch();
    const always = check('watchdog', works, 0);
    const ask = readinessOf([always], watch.elapsed);
    await Promise.all(Array.from({ length: 300 }, ask));
    watch.advance(999);
    await Promise.all(Array.from({ length: 300 }, ask));
    expect(always.run).toHaveBeenCalledTimes(1);
    watch.advance(1);
    await ask();
    expect(always.run).toHaveBeenCalledTimes(2);
  });

  test('explains a failure as the check does, and logs its cause as it begins', async () => {
    const watch = stopwatch();
    let words = 'connect ECONNREFUSED 10.1.2.3:5432';
    const down = {
      ...check('database', () => Promise.reject(new Error(words)), 0),
      explain: (error: unknown) => (error instanceof Error ? `${error.message.length} letters` : ''),
    };
    const ask = readinessOf([down], watch.elapsed);
    for (let times = 0; times < 3; times += 1) {
      expect((await ask()).checks).toEqual({ database: '34 letters' });
      watch.advance(1_000);
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('10.1.2.3');
    words = 'other';
    await ask();
    expect(lines).toHaveLength(2);
  });

  test('comes back once what was wrong is mended', async () => {
    const watch = stopwatch();
    let down = true;
    const ask = readinessOf([check('database', () => (down ? fails('down')() : works()))], watch.elapsed);
    expect((await ask()).ready).toBe(false);
    down = false;
    watch.advance(1_000);
    expect(await ask()).toEqual({ ready: true, checks: { database: 'ok' } });
  });

  test('a check that never answers fails after three seconds and holds up no other', async () => {
    jest.useFakeTimers();
    try {
      const silent = check('database', () => new Promise<void>(() => undefined));
      const asked = readinessOf([silent, check('slack', works)], stopwatch().elapsed)();
      await jest.advanceTimersByTimeAsync(3_000);
      expect(await asked).toEqual({ ready: false, checks: { database: 'no answer within 3 s', slack: 'ok' } });
    } finally {
      jest.useRealTimers();
    }
  });

  test('a check that hangs is asked once, by however many probes, until it ends', async () => {
    jest.useFakeTimers();
    try {
      const watch = stopwatch();
      const ends: (() => void)[] = [];
      const slow = check('database', () => new Promise<void>((resolve) => ends.push(resolve)));
      const ask = readinessOf([slow], watch.elapsed);
      for (const probes of [2, 1]) {
        const asked = Array.from({ length: probes }, ask);
        await jest.advanceTimersByTimeAsync(3_000);
        for (const one of await Promise.all(asked)) expect(one.ready).toBe(false);
        watch.advance(1_000);
      }
      expect(slow.run).toHaveBeenCalledTimes(1);
      const asked = ask();
      for (const end of ends) end();
      expect((await asked).ready).toBe(true);
      watch.advance(1_000);
      void ask();
      expect(slow.run).toHaveBeenCalledTimes(2);
    } finally {
      jest.useRealTimers();
    }
  });

  test('leaves no timer behind', async () => {
    jest.useFakeTimers();
    try {
      await readinessOf([check('slack', works)], stopwatch().elapsed)();
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });
});
