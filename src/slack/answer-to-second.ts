import { receivedTwice } from '../views/received-twice.js';

/** The answer to a repeated request: empty, but a form must not close as if it had been saved. */
export function answerToSecond(body: Readonly<Record<string, unknown>>): object | undefined {
  return body['type'] === 'view_submission' ? { response_action: 'update', view: receivedTwice() } : undefined;
}
