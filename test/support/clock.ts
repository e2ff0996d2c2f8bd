/** A clock that stands still until it is moved; what the app takes for the present. */
export interface TestClock {
  now(): Date;
  set(at: string | Date): void;
  advance(milliseconds: number): void;
}

export function createTestClock(start: string | Date): TestClock {
  let at = new Date(start).getTime();
  return {
    now: () => new Date(at),
    set: (to) => {
      at = new Date(to).getTime();
    },
    advance: (milliseconds) => {
      at += milliseconds;
    },
  };
}
