/** The world's clock: the machine's, and as much later as it was moved. */
export class MovableClock {
  #offsetMs: number;

  constructor(offsetMs = 0) {
    this.#offsetMs = offsetMs;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  readonly now = (): Date => new Date(Date.now() + this.#offsetMs);

  /** @throws {RangeError} where it would go back: nothing that lives on it expects that */
  moveTo(offsetMs: number): void {
    if (!(offsetMs >= this.#offsetMs)) throw new RangeError('The clock goes forward only.');
    this.#offsetMs = offsetMs;
  }
}
