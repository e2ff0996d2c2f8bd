import { checkMessage, checkView } from '../../demo/slack/block-kit.js';
import type { NamedPayload, Payload } from './payloads.js';

/** What Slack would refuse, by builder, each once and at most ten: a long list would hide what is wrong. */
export function problems(payloads: readonly NamedPayload[]): string[] {
  const found = payloads.flatMap(({ name, payload }) =>
    problemsOf(payload).map((problem) => `${name}: ${JSON.stringify(problem)}`),
  );
  return [...new Set(found)].slice(0, 10);
}

function problemsOf(payload: Payload): readonly unknown[] {
  switch (payload.kind) {
    case 'message':
      return checkMessage({ channel: 'C0123456789', ...payload.message });
    case 'view':
      return checkView(payload.view);
    case 'errors':
      return Object.values(payload.errors).filter((words) => words === '' || words.length > 2_000);
  }
}
