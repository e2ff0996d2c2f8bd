import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { endOfAll } from '../end-of-all.js';
import { startLoopbackServer } from '../loopback-server.js';
import { eventErrors, type PagerEvent, pagerEvent } from './event.js';

/** A fault. With `takesEffect`, PagerDuty accepts the event, and only its answer is lost or wrong. */
type PagerFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly takesEffect?: boolean;
      readonly retryAfterSeconds?: number;
      /** With a proxy's page instead of PagerDuty's words. */
      readonly isPage?: boolean;
    }
  | { readonly kind: 'reset'; readonly takesEffect?: boolean }
  | { readonly kind: 'hang'; readonly takesEffect?: boolean }
  | { readonly kind: 'delay'; readonly ms: number };

interface PagerFaultRule {
  readonly action?: PagerEvent['event_action'];
  /** How often. Default: until cleared. */
  readonly times?: number;
  readonly fault: PagerFault;
}

/** One key's incident: opens once, until it is resolved. */
interface Incident {
  readonly routingKey: string;
  readonly key: string;
  readonly status: 'triggered' | 'acknowledged' | 'resolved';
  readonly summary: string;
  readonly source: string;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly openedAt: Date;
  readonly acknowledgedAt: Date | null;
  readonly resolvedAt: Date | null;
}

interface ReceivedEvent {
  readonly action: string;
  readonly key: string;
  readonly body: unknown;
  readonly status: number | null;
}

/** PagerDuty's Events API on 127.0.0.1, as documented. Keeps incidents and takes faults. */
export interface PagerDutyStandIn {
  /** For PAGERDUTY_URL. */
  readonly url: string;
  /** Its integrations; other keys are refused. */
  readonly routingKeys: string[];
  /** Every request, oldest first. */
  readonly received: readonly ReceivedEvent[];
  /** Oldest first. A key triggered again after it was resolved has two. */
  readonly incidents: readonly Incident[];
  addFault(rule: PagerFaultRule): void;
  clearFaults(): void;
  /** Calls back after each accepted event; returns how to stop that. */
  onChange(observer: () => void): () => void;
  close(): Promise<void>;
}

export interface PagerDutyOptions {
  readonly routingKeys?: readonly string[];
  readonly clock?: () => Date;
}

/** https://developer.pagerduty.com/docs/events-api-v2-overview#size-limits */
const MOST_BYTES = 512 * 1_024;
export const ROUTING_KEY = 'R0UTINGKEY0F0THE0STAND0IN0000001';

type Kept = { -readonly [K in keyof Incident]: Incident[K] };

export async function startPagerDutyStandIn(options: PagerDutyOptions = {}): Promise<PagerDutyStandIn> {
  const now = options.clock ?? (() => new Date());
  const routingKeys = [...(options.routingKeys ?? [ROUTING_KEY])];
  const received: { -readonly [K in keyof ReceivedEvent]: ReceivedEvent[K] }[] = [];
  const incidents: Kept[] = [];
  const faults: { rule: PagerFaultRule; left: number }[] = [];
  const observers = new Set<() => void>();
  const stopped = endOfAll();

  function take(event: PagerEvent): void {
    const key = event.dedup_key ?? `generated-${incidents.length}`;
    const open = incidents.find(
      (incident) => incident.key === key && incident.routingKey === event.routing_key && incident.status !== 'resolved',
    );
    if (event.event_action === 'trigger') {
      if (open === undefined) incidents.push(opened(event, key, now()));
    } else if (open !== undefined && event.event_action === 'resolve') {
      open.status = 'resolved';
      open.resolvedAt = now();
    } else if (open?.status === 'triggered') {
      open.status = 'acknowledged';
      open.acknowledgedAt = now();
    }
    for (const observer of observers) observer();
  }

  function strike(action: string): PagerFault | null {
    const entry = faults.find(({ rule }) => rule.action === undefined || rule.action === action);
    if (entry === undefined) return null;
    entry.left -= 1;
    if (entry.left <= 0) faults.splice(faults.indexOf(entry), 1);
    return entry.rule.fault;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await bodyOf(request);
    const body = text === null ? null : parsed(text);
    const record: { -readonly [K in keyof ReceivedEvent]: ReceivedEvent[K] } = {
      action: fieldOf(body, 'event_action'),
      key: fieldOf(body, 'dedup_key'),
      body,
      status: null,
    };
    received.push(record);
    const fault = strike(record.action);
    if (fault?.kind === 'delay') await sleep(fault.ms, undefined, { signal: stopped.signal });
    const right = rightAnswer(request, text, body);
    const takesEffect = fault === null || fault.kind === 'delay' || fault.takesEffect === true;
    if (takesEffect && right.event !== null) take(right.event);
    if (fault?.kind === 'reset') response.socket?.resetAndDestroy();
    if (fault?.kind === 'reset' || fault?.kind === 'hang') return;
    const answer = fault?.kind === 'status' ? answerOf(fault) : right;
    record.status = answer.status;
    send(response, answer);
  }

  function rightAnswer(
    request: IncomingMessage,
    text: string | null,
    body: unknown,
  ): Answer & { readonly event: PagerEvent | null } {
    const refused = (status: number, errors: readonly string[]) => ({
      status,
      content: { status: 'invalid event', message: 'Event object is invalid', errors },
      headers: {},
      event: null,
    });
    if (request.url !== '/v2/enqueue') return refused(404, ['Not Found']);
    if (request.method !== 'POST') return refused(405, ['Method Not Allowed']);
    if (text === null) return refused(413, ['Event is too large']);
    if (!(request.headers['content-type'] ?? '').startsWith('application/json')) return refused(400, ['not JSON']);
    const result = pagerEvent.safeParse(body);
    if (!result.success) return refused(400, eventErrors(result.error));
    if (!routingKeys.includes(result.data.routing_key)) return refused(400, ['Invalid routing key']);
    const key = result.data.dedup_key ?? `generated-${incidents.length}`;
    return {
      status: 202,
      content: { status: 'success', message: 'Event processed', dedup_key: key },
      headers: {},
      event: result.data,
    };
  }

  const server = await startLoopbackServer(handle);

  return {
    url: `http://127.0.0.1:${server.port}/v2/enqueue`,
    routingKeys,
    received,
    incidents,
    addFault: (rule) => void faults.push({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }),
    clearFaults: () => {
      faults.length = 0;
    },
    onChange: (observer) => {
      observers.add(observer);
      return () => observers.delete(observer);
    },
    async close() {
      stopped.abort();
      await server.close();
    },
  };
}

const PAGE = '<!DOCTYPE html><html><title>Blocked by the network</title></html>';

interface Answer {
  readonly status: number;
  /** A page, if it is text. */
  readonly content: object | string;
  readonly headers: Readonly<Record<string, string>>;
}

function send(response: ServerResponse, { status, content, headers }: Answer): void {
  const isPage = typeof content === 'string';
  response.writeHead(status, { 'Content-Type': isPage ? 'text/html' : 'application/json', ...headers });
  response.end(isPage ? content : JSON.stringify(content));
}

function answerOf({ status, retryAfterSeconds, isPage = false }: Extract<PagerFault, { kind: 'status' }>): Answer {
  return {
    status,
    content: isPage ? PAGE : { status: 'error', message: `PagerDuty answers ${status}`, errors: [] },
    headers: retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) },
  };
}

function opened(event: Extract<PagerEvent, { event_action: 'trigger' }>, key: string, at: Date): Kept {
  return {
    routingKey: event.routing_key,
    key,
    status: 'triggered',
    summary: event.payload.summary,
    source: event.payload.source,
    links: (event.links ?? []).map(({ href, text = href }) => ({ href, text })),
    openedAt: at,
    acknowledgedAt: null,
    resolvedAt: null,
  };
}

/** null if it is too large. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  return body.length > MOST_BYTES ? null : body.toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function fieldOf(body: unknown, name: string): string {
  const found =
    typeof body === 'object' && body !== null && name in body
      ? Object.entries(body).find(([key]) => key === name)?.[1]
      : '';
  return typeof found === 'string' ? found : '';
}
