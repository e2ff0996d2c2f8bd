import type { Problem } from './block-kit.js';

/** A Web API method's answer: a body, or the seconds to wait after a call that came too soon. */
export type Answer = Readonly<Record<string, unknown>>;
export type Reply = Answer | TooSoon;

export class TooSoon {
  constructor(readonly retryAfterSeconds: number) {}
}

export const refuse = (error: string, more: Answer = {}): Answer => ({ ok: false, error, ...more });

/** Slack's error body for a bad payload, a line for each problem. */
export function refuseProblems(error: string, problems: readonly Problem[]): Answer {
  return refuse(error, {
    response_metadata: { messages: problems.map(({ path, message }) => `[ERROR] ${message} [json-pointer:${path}]`) },
  });
}
