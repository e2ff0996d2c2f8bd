import type { WitnessInspection } from '../db/inspection.js';
import type { Network } from '../network/network.js';
import { sendSeal, type WitnessAnswer } from '../network/witness.js';
import { type Check, type ExplainCode, fix, note, ok } from './checks.js';

const WITHIN_MS = 10_000;
const SUBJECT = 'witness';

/**
 * Sends the last seal that the witness accepted again: it takes each at least once, so that leaves it as it is. Until
 * there is one, only checks that it can be reached.
 */
export async function witnessCheck(
  url: string,
  found: WitnessInspection | null,
  { network, explain }: { readonly network: Network; readonly explain: ExplainCode },
): Promise<Check> {
  const unreachable = (code: string | null): Check =>
    fix(SUBJECT, explain(code) ?? `It can’t be reached (${code ?? 'no answer'}). Check AUDIT_WITNESS_URL.`);
  const seal = found?.accepted ?? null;
  if (seal === null) {
    const code = await network.reach(url, WITHIN_MS);
    return code === null ? ok(SUBJECT, 'can be reached; it has no seal yet, so nothing was sent') : unreachable(code);
  }
  const signal = AbortSignal.timeout(WITHIN_MS);
  const answer = await sendSeal(url, seal, { fetch: network.fetch, signal });
  switch (answer.kind) {
    case 'not_reached':
      return unreachable(answer.code === 'timeout' ? 'TIMEOUT' : answer.code);
    case 'refused':
      return fix(SUBJECT, refusedWords(answer));
    case 'accepted': {
      const trouble = found?.lastError ?? null;
      return trouble === null
        ? ok(SUBJECT, `accepts seals: seal ${seal.number}, which it had, was sent again`)
        : note(SUBJECT, `It accepts seals from here, but the app’s last attempt failed: ${trouble}. It tries again.`);
    }
  }
}

function refusedWords({ status }: Extract<WitnessAnswer, { kind: 'refused' }>): string {
  const lead = `It answered ${status} to a seal that it had accepted before.`;
  if (status >= 300 && status < 400)
    return `${lead} Set AUDIT_WITNESS_URL to where it redirects: the app doesn’t follow.`;
  if (status === 401 || status === 403) return `${lead} Check the token in AUDIT_WITNESS_URL.`;
  return status < 500
    ? `${lead} Check AUDIT_WITNESS_URL: a POST with JSON has to be answered with 2xx, also for a seal that comes again.`
    : `${lead} Look at the witness itself. The app tries again until it accepts.`;
}
