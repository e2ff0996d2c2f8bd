import { receivedTwice } from '../views/received-twice.js';

/** What a request is answered that came before: nothing more, but a form must not close as if it had been saved. */
export function answerToSecond(body: Readonly<Record<string, unknown>>): object | undefined {
  return body['type'] === 'view_submission' ? { response_action: 'update', view: receivedTwice() } : undefined;
}
