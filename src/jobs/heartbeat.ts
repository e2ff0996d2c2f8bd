import type { Logger } from 'pino';
import { networkCode } from '../network/failures.js';
import type { Fetch } from '../network/network.js';

/** Tells an outside monitor that all is well; the monitor alerts on silence. */
export interface Heartbeat {
  /** Requests the address; nobody waits for it. */
  send(): void;
  /** Aborts a running request; resolves once it has ended. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
const MOST_REDIRECTS = 5;

/** `url` null: there is no monitor. */
export function createHeartbeat(url: string | null, fetch: Fetch, log: Logger): Heartbeat {
  /** The running request: a monitor that hangs gets no second one. */
  let underWay: { readonly cut: AbortController; readonly ended: Promise<void> } | null = null;

  /** Once is enough: it may well be the monitor's own. */
  let toldOfRedirect = false;

  /** Goes where the address redirects, as `http:` to `https:` at the same monitor. */
  async function follow(address: string, signal: AbortSignal) {
    let at = new URL(address);
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
      const answer = await fetch(at, { redirect: 'manual', signal });
      // The connection stays taken until the body is read or dropped.
      await answer.body?.cancel();
      const { status, ok: isAccepted } = answer;
      const to = status >= 300 && status < 400 ? answer.headers.get('location') : null;
      if (to === null) return { status, isAccepted, isRedirected: redirects > 0 };
      at = redirected(at, to);
    }
    throw leadsNowhere();
  }

  async function request(address: string, cut: AbortController): Promise<void> {
    const timer = setTimeout(() => cut.abort(new CutShort(`no answer within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    try {
      const { status, isAccepted, isRedirected } = await follow(address, cut.signal);
      if (!isAccepted) log.warn({ status }, 'the heartbeat was not accepted');
      else if (isRedirected && !toldOfRedirect) {
        toldOfRedirect = true;
        // A log-in page answers 200, too.
        log.warn({ status }, 'the heartbeat may not have reached its monitor: set HEARTBEAT_URL to where it redirects');
      }
    } catch (error) {
      // The monitor itself alerts about a missing heartbeat. fetch's errors may quote the address, which may hold a token.
      const reason = error instanceof CutShort ? error.message : (networkCode(error) ?? 'no answer');
      log.warn({ reason }, 'the heartbeat could not be sent');
    } finally {
      clearTimeout(timer);
    }
  }

  return {
    send() {
      if (url === null || underWay !== null) return;
      const cut = new AbortController();
      const ended = request(url, cut).finally(() => {
        underWay = null;
      });
      underWay = { cut, ended };
    },
    async stop() {
      underWay?.cut.abort(new CutShort('the app stops'));
      await underWay?.ended;
    },
  };
}

/** @throws CutShort if fetch can't go there */
function redirected(from: URL, to: string): URL {
  if (!URL.canParse(to, from.href)) throw leadsNowhere();
  const at = new URL(to, from);
  if (!/^https?:$/u.test(at.protocol) || at.username !== '') throw leadsNowhere();
  return at;
}

const leadsNowhere = () => new CutShort('it redirects, and that leads nowhere');

/** We gave up; the message says why. */
class CutShort extends Error {
  override readonly name = 'CutShort';
}
