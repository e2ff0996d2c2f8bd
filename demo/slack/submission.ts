import { z } from 'zod';
import { assertView } from './block-kit.js';
import { inputsOf } from './form.js';
import type { OpenView, Views } from './views.js';

export type SubmitOutcome =
  | { readonly kind: 'closed' }
  | { readonly kind: 'updated'; readonly view: OpenView }
  /** Another modal was pushed onto this one. */
  | { readonly kind: 'pushed'; readonly view: OpenView }
  /** The app's errors under fields, by block id. */
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> }
  /** Slack's client didn't send it; its errors under fields. */
  | { readonly kind: 'not_sent'; readonly errors: Readonly<Record<string, string>> }
  /** The app didn't answer with 200 in time. `message`: what the person sees; the modal stays open. */
  | { readonly kind: 'failed'; readonly message: string };

const record = z.record(z.string(), z.unknown());
const action = z.discriminatedUnion('response_action', [
  z.strictObject({ response_action: z.literal('clear') }),
  z.strictObject({ response_action: z.literal('errors'), errors: z.record(z.string(), z.string().min(1)) }),
  z.strictObject({ response_action: z.literal('update'), view: record }),
  z.strictObject({ response_action: z.literal('push'), view: record }),
]);

/**
 * The result for a modal whose submission was acknowledged with this body
 * (https://docs.slack.dev/surfaces/modals#updating_response).
 * @throws if Slack couldn't use it: no such action, errors for missing fields, a malformed view
 */
export function applyAcknowledgement(views: Views, userId: string, view: OpenView, body: unknown): SubmitOutcome {
  if (isEmpty(body)) {
    views.close(view.id);
    return { kind: 'closed' };
  }
  const parsed = action.safeParse(body);
  if (!parsed.success) throw new Error(`Slack would make nothing of this acknowledgement: ${JSON.stringify(body)}`);
  const { data } = parsed;
  switch (data.response_action) {
    case 'clear':
      views.closeAll(userId);
      return { kind: 'closed' };
    case 'errors':
      return { kind: 'errors', errors: forFieldsOf(view, data.errors) };
    case 'update':
      assertModal(data.view);
      return { kind: 'updated', view: opened(views.update({ id: view.id }, data.view)) };
    case 'push':
      assertModal(data.view);
      return { kind: 'pushed', view: opened(views.open(userId, data.view, view.id)) };
  }
}

/** An acknowledgement without content closes the modal; over Socket Mode it comes as an empty object. */
function isEmpty(body: unknown): boolean {
  return body === '' || body === null || body === undefined || z.strictObject({}).safeParse(body).success;
}

function forFieldsOf(view: OpenView, errors: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const fields = inputsOf(view.blocks).map(({ block_id }) => block_id);
  const stray = Object.keys(errors).filter((name) => !fields.includes(name));
  if (stray.length > 0) throw new Error(`Errors for fields that the modal does not have: ${stray.join(', ')}`);
  if (Object.keys(errors).length === 0) throw new Error('Errors without any error.');
  return errors;
}

function assertModal(view: Readonly<Record<string, unknown>>): void {
  assertView(view);
  if (view['type'] !== 'modal') throw new Error('Slack would refuse this: only a modal can take a modal’s place.');
}

function opened(outcome: OpenView | string): OpenView {
  if (typeof outcome === 'string') throw new Error(`Slack would refuse this view: ${outcome}`);
  return outcome;
}
