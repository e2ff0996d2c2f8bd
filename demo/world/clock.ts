/** The world's clock: the machine's plus an offset. */
export class MovableClock {
  #offsetMs: number;

  constructor(offsetMs = 0) {
    this.#offsetMs = offsetMs;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  readonly now = (): Date => new Date(Date.now() + this.#offsetMs);

  /** @throws {RangeError} if it would go back: nothing that uses it expects that */
  moveTo(offsetMs: number): void {
    if (!(offsetMs >= this.#offsetMs)) throw new RangeError('The clock goes forward only.');
    this.#offsetMs = offsetMs;
  }
}
