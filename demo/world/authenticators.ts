import { generateSync } from 'otplib';

/** RFC 6238's period, in seconds. */
export const CODE_PERIOD_S = 30;

export class Authenticators {
  readonly #secrets = new Map<string, string>();

  enrol(slackUserId: string, secret: string): void {
    this.#secrets.set(slackUserId, secret);
  }

  get owners(): readonly string[] {
    return [...this.#secrets.keys()];
  }

  /** @throws if that person has no authenticator */
  code(slackUserId: string, at: Date): string {
    const secret = this.#secrets.get(slackUserId);
    if (secret === undefined) throw new Error(`${slackUserId} has no authenticator.`);
    return generateSync({ secret, epoch: Math.floor(at.getTime() / 1000) });
  }
}
