/**
 * Heroku's request tokens: a bucket that refills steadily within the hour.
 * https://devcenter.heroku.com/articles/platform-api-reference#rate-limits
 */
export class RateLimit {
  #tokens: number;
  #filledAt: number;

  constructor(
    private readonly perHour: number,
    private readonly now: () => Date,
  ) {
    this.#tokens = perHour;
    this.#filledAt = now().getTime();
  }

  get remaining(): number {
    return Math.floor(this.#tokens);
  }

  /** False if none is left. */
  take(): boolean {
    this.#refill();
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(): void {
    const now = this.now().getTime();
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#tokens = Math.min(this.perHour, this.#tokens + (elapsed * this.perHour) / 3_600_000);
    this.#filledAt = now;
  }
}
