import type { Problem } from './block-kit.js';

/** What a Web API method answers: a body, or that it was called too soon, with the seconds to wait. */
export type Answer = Readonly<Record<string, unknown>>;
export type Reply = Answer | TooSoon;

export class TooSoon {
  constructor(readonly retryAfterSeconds: number) {}
}

export const refuse = (error: string, more: Answer = {}): Answer => ({ ok: false, error, ...more });

/** As Slack says what is wrong with a payload, a line for each problem. */
export function refuseProblems(error: string, problems: readonly Problem[]): Answer {
  return refuse(error, {
    response_metadata: { messages: problems.map(({ path, message }) => `[ERROR] ${message} [json-pointer:${path}]`) },
  });
}
