import { type ChannelSlots, createBurstPace, createPace, NoSlot } from '../../src/slack/pace.js';

/** Time that passes only while somebody sleeps. */
function createTime() {
  let now = 0;
  return {
    elapsed: () => now,
    sleep: async (milliseconds: number) => {
      now += milliseconds;
    },
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

function paced(
  time: ReturnType<typeof createTime>,
  slots: ChannelSlots | null = null,
  pauseAfter = (_error: unknown) => 0,
) {
  return createPace({ intervalMs: 1_100, ...time, slots, newOwner: () => 'me', pauseAfter });
}

describe('the pace of one process', () => {
  test('leaves a pause from the end of a post to the beginning of the next, in the order of the callers', async () => {
    const time = createTime();
    const inTurn = paced(time);
    const began: (readonly [string, number])[] = [];
    const post = (name: string) =>
      inTurn('C0ALERTS', async () => {
        began.push([name, time.elapsed()]);
        time.pass(500);
      });
    await Promise.all(['first', 'second', 'third'].map(post));
    expect(began).toEqual([
      ['first', 0],
      ['second', 1_600],
      ['third', 3_200],
    ]);
  });

  test('keeps channels apart', async () => {
    const time = createTime();
    const inTurn = paced(time);
    await inTurn('C0ALERTS', async () => undefined);
    await inTurn('C0OTHER', async () => undefined);
    expect(time.elapsed()).toBe(0);
  });

  test('after a failure leaves the channel alone for as long as it was told to, and goes on', async () => {
    const time = createTime();
    const inTurn = paced(time, null, () => 5_000);
    await expect(inTurn('C0ALERTS', () => Promise.reject(new Error('429')))).rejects.toThrow('429');
    await inTurn('C0ALERTS', async () => undefined);
    expect(time.elapsed()).toBe(5_000);
  });

  test('lets nobody wait for longer than a lease holds: what is too late is not begun', async () => {
    const time = createTime();
    const inTurn = paced(time);
    let posted = 0;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, () =>
        inTurn('C0ALERTS', async () => {
          posted += 1;
        }),
      ),
    );
    const late = outcomes.filter((outcome) => outcome.status === 'rejected' && outcome.reason instanceof NoSlot);
    expect(posted + late.length).toBe(30);
    expect(posted).toBe(13);
  });
});

describe('the pace of several replicas', () => {
  /** One channel’s slot, on the same clock. */
  function createSlots(time: ReturnType<typeof createTime>) {
    let freeAt = 0;
    const slots: ChannelSlots = {
      async take(_channel, _owner, holdMs) {
        if (freeAt > time.elapsed()) return freeAt - time.elapsed();
        freeAt = time.elapsed() + holdMs;
        return 0;
      },
      async giveBack(_channel, _owner, pauseMs) {
        freeAt = time.elapsed() + pauseMs;
      },
    };
    return slots;
  }

  test('none posts in another’s slot, nor right after it', async () => {
    const time = createTime();
    const slots = createSlots(time);
    const began: number[] = [];
    const replicas = [paced(time, slots), paced(time, slots), paced(time, slots)];
    for (let post = 0; post < 6; post += 1) {
      await replicas[post % 3]?.('C0ALERTS', async () => {
        began.push(time.elapsed());
        time.pass(300);
      });
    }
    const gaps = began.slice(1).map((at, index) => at - (began[index] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_400);
  });

  test('a slot that is never given back is waited for no longer than a lease holds', async () => {
    const time = createTime();
    const inTurn = paced(time, { take: async () => 60_000, giveBack: async () => undefined });
    await expect(inTurn('C0ALERTS', async () => undefined)).rejects.toThrow(NoSlot);
    expect(time.elapsed()).toBeLessThan(13_501);
  });

  test('a slot that a killed replica left is waited for', async () => {
    const time = createTime();
    const slots = createSlots(time);
    // It took its slot, and was never heard of again.
    paced(time, slots)('C0ALERTS', () => new Promise(() => undefined)).catch(() => undefined);
    await Promise.resolve();
    let posted = 0;
    await paced(time, slots)('C0ALERTS', async () => {
      posted += 1;
    });
    expect(posted).toBe(1);
    expect(time.elapsed()).toBeGreaterThanOrEqual(12_000);
  });

  test('if nobody can be asked each keeps its own', async () => {
    const time = createTime();
    const away = () => Promise.reject(new Error('no database'));
    const inTurn = paced(time, { take: away, giveBack: away });
    await inTurn('C0ALERTS', async () => undefined);
    await inTurn('C0ALERTS', async () => undefined);
    expect(time.elapsed()).toBe(1_100);
  });
});

describe('the pace of edits', () => {
  test('lets a burst through, then so many a minute, then none that would wait too long', async () => {
    const time = createTime();
    const asked: number[] = [];
    // The test's clock moves only while somebody waits.
    const pace = createBurstPace(
      { intervalMs: 1_200, burst: 5 },
      { elapsed: time.elapsed, sleep: async (milliseconds) => void asked.push(milliseconds) },
    );
    for (let edit = 0; edit < 16; edit += 1) await pace();
    expect(asked).toEqual(Array.from({ length: 11 }, (_, index) => (index + 1) * 1_200));
    await expect(pace()).rejects.toThrow(NoSlot);
    time.pass(60_000);
    for (let edit = 0; edit < 5; edit += 1) await pace();
    expect(asked).toHaveLength(11);
  });
});
