/**
 * The seeds of faults that the simulator found, replayed first. A seed means the same world only with the same
 * simulator code; `simulate.test.ts` shows that each kind of fault is still found.
 */
export const FOUND: readonly { readonly seed: number; readonly fault: string }[] = [
  { seed: 4, fault: 'a paused promoter sent its PATCH after its lease had ended' },
  { seed: 107, fault: 'a second PATCH made another release while the first was still on its way' },
  { seed: 54, fault: 'a second PATCH undid what others had set since the first' },
  { seed: 2, fault: 'a release too far back to be searched was made again' },
  { seed: 41_530, fault: 'a look that began before the first PATCH had settled led to a second' },
  { seed: 204_207, fault: 'a PATCH that was sent long after its announcement was still on its way at the next' },
  { seed: 33, fault: 'a paused process posted a message after its lease had ended' },
  { seed: 820, fault: 'a late update left a message saying what was true before' },
  { seed: 958, fault: 'a message that a paused process posted stood twice' },
  { seed: 3_000_219, fault: 'a lost PATCH was not sent again, because the release before it had failed' },
];
