import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { SentRequest } from '../../demo/slack/http-delivery.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { startChild } from './child.js';
import { pick, type Report, type Scenario } from './scenario.js';
import { newTrigger, signed } from './signed.js';

/**
 * Signed requests in Slack's shapes with anything anywhere in them, for everything that the app knows; and requests of
 * any method to every route and to none. An unhandled rejection would end the app's process.
 */
export const mutatedPayloads: Scenario = { name: 'mutated-payloads', run };

const REQUESTS = 10_000;
/** Bolt holds an unanswered request for three seconds; meanwhile others are served. */
const AT_ONCE = 250;
const READ_EVERY = 1_000;
/** How many of ten go where Slack sends nothing. */
const ELSEWHERE_OF_TEN = 1;
/** How far the heap may stay above its level after the first thousand, for code compiled since, for example. */
const ABOVE_LEVEL = 1.1;
const QUIET_MS = 4_000;
const QUIET_WITHIN_MS = 400_000;
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'] as const;
const PATHS = [
  '/',
  '//',
  '/healthz',
  '/readyz',
  '/metrics',
  '/slack/events',
  '/slack/events/',
  '/slack',
  '/%',
  '/%00',
  '/..',
  '//x:y',
  '*',
  '/?a=b',
  'http://elsewhere.example/slack/events',
];

async function run(random: () => number): Promise<Report> {
  const bed = await startTestBed({ startAt: new Date().toISOString(), rateLimit: false });
  const templates = (await capture(bed)).map(parts);
  const kinds = new Set(templates.map(nameOf));
  const child = startChild(['start'], bed.environment);
  const port = await child.port();
  const seed = Math.floor(random() * 2 ** 31);
  const anything = fc.sample(fc.oneof(fc.anything({ maxDepth: 2 }), fc.string({ unit: 'binary' })), {
    seed,
    numRuns: 2_000,
  });
  const something = () => anything[Math.floor(random() * anything.length)];
  const before = await bed.rows.query('select * from console_flag_promotions order by id');

  const statuses = new Map<string, number>();
  const count = (status: string): void => void statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const heap: number[] = [];
  for (let sent = 0; sent < REQUESTS && child.process.exitCode === null; sent += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        if (random() * 10 < ELSEWHERE_OF_TEN) {
          const path = pick(random, PATHS);
          const status = await elsewhere(port, pick(random, METHODS), path, text(something()));
          // Not ready for a moment under such a load, as it should be.
          count(path === '/readyz' && status === '503' ? 'not ready' : status);
          return;
        }
        const { kind, body } = pick(random, templates);
        const request = encode(kind, mutate(sentAnew(body), something, random), bed.slack.signingSecret);
        const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, request).catch(() => null);
        await answer?.arrayBuffer();
        count(answer === null ? 'no answer' : String(answer.status));
      }),
    );
    if (sent % READ_EVERY === 0 && child.process.exitCode === null) heap.push((await child.memory()).heap);
  }
  const busiest = Math.max(...heap);
  await quiet(bed);
  if (child.process.exitCode === null) heap.push((await child.memory()).heap);
  const alive = await fetch(`http://127.0.0.1:${port}/healthz`).then(
    (answer) => answer.status === 200,
    () => false,
  );
  const ids = before.map((row) => row['id']);
  const after = await bed.rows.query('select * from console_flag_promotions where id = any($1) order by id', [ids]);
  await child.kill();
  bed.hear(child.output());
  const changed = JSON.stringify(before.map(withoutRca)) === JSON.stringify(after.map(withoutRca)) ? 0 : 1;
  const audit = await bed.db.audit.verify();
  await bed.close();
  const faults = [...statuses].reduce((sum, [status, times]) => sum + (/^5/u.test(status) ? times : 0), 0);
  return {
    did: `${REQUESTS} requests made of ${templates.length} (${kinds.size} kinds), answered ${[...statuses].map(([status, times]) => `${status}: ${times}`).join(', ')}; heap ${mib(heap[1] ?? 0)} MiB after the first thousand, ${mib(busiest)} at most, ${mib(heap.at(-1) ?? 0)} at rest`,
    wrong: {
      'answered with a fault': faults,
      'left without an answer': statuses.get('no answer') ?? 0,
      'process gone': alive ? 0 : 1,
      'promotions changed': changed,
      'memory not back to its level': (heap.at(-1) ?? 0) > (heap[1] ?? 0) * ABOVE_LEVEL ? 1 : 0,
      'broken audit chains': audit.intact ? 0 : 1,
    },
    happened: {
      'kinds of requests': { times: kinds.size, atLeast: 15 },
      'requests answered': {
        times: [...statuses].reduce((sum, [status, n]) => sum + (/^\d/u.test(status) ? n : 0), 0),
        atLeast: 0.9 * REQUESTS,
      },
    },
  };
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** What got through has to be posted, a message a second: waits until nothing more comes. */
async function quiet(bed: TestBed): Promise<void> {
  const deadline = performance.now() + QUIET_WITHIN_MS;
  for (let before = -1; bed.slack.calls.length !== before && performance.now() < deadline; ) {
    before = bed.slack.calls.length;
    await sleep(QUIET_MS);
  }
}

/** Some requests stay whole where it matters, and really link an RCA. */
function withoutRca({ rca_url: _url, updated_at: _at, ...row }: Readonly<Record<string, unknown>>): unknown {
  return row;
}

/** What Slack sends while people use everything there is. */
async function capture(bed: TestBed): Promise<readonly SentRequest[]> {
  const { superadmin } = bed.slack.people;
  const promotedAt = new Date(Date.now() - 25 * 3_600_000).toISOString();
  for (let index = 0; index < 7; index += 1) await bed.rows.insertDeploying({ flagKey: `flag_${index}`, promotedAt });
  while ((await bed.slack.messages(bed.slack.channels.alerts)).length < 7) await bed.app.tick();
  const alert = await bed.alert();
  const { alerts } = bed.slack.channels;
  const form = (callbackId: string) =>
    superadmin.waitForModal((view) => view.callbackId === callbackId && view.raw['submit'] !== null);
  const close = () => superadmin.closeModal({ all: true });
  for (const button of ['mark_completed', 'mark_failed']) {
    await superadmin.click(alert, button);
    await form('resolution');
    await superadmin.submit({ code: '123456', ...(button === 'mark_failed' ? { note: 'a reason' } : {}) });
    await close();
  }
  await superadmin.click(alert, 'open_rca');
  await form('rca');
  await superadmin.clickInModal('draft_rca');
  await close();
  await superadmin.click(alert, 'open_rca');
  await form('rca');
  await superadmin.submit({ rca_url: 'https://docs.example.com/rca' });
  await superadmin.command('mark');
  await form('mark');
  await superadmin.submit({ flag_key: 'new_flag', heroku_app: 'raxx-console-prod', target_value: 'true' });
  const marked = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('"promote"'));
  for (const button of ['promote', 'cancel']) {
    await superadmin.click(marked, button);
    await form('transition');
    await superadmin.submit({ code: '123456' });
    await close();
  }
  await superadmin.command('stuck');
  await superadmin.click(
    await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stuck_page')),
    'stuck_page',
  );
  await superadmin.command('stats 30d');
  await superadmin.click(
    await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart')),
    'stats_chart',
  );
  for (const words of ['list', 'show 1', 'rca', 'help', 'rca 2 https://docs.example.com/rca/2', 'promote new_flag']) {
    await superadmin.command(words);
  }
  const others = (await bed.slack.messages(alerts)).slice(3);
  let link = '';
  for (const [index, button] of ['accept_rca_offer', 'decline_rca_offer'].entries()) {
    const threadTs = others[index]?.ts ?? '';
    link = await superadmin.say('https://docs.example.com/rca/3', { threadTs });
    const offer = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes(button));
    await superadmin.click(offer, button);
  }
  await superadmin.say(`<@${bed.slack.botUserId}> https://docs.example.com/rca/4`, { threadTs: alert.ts });
  await superadmin.messageShortcut('link_as_rca', alerts, link);
  await superadmin.openHome();
  await bed.slack.eventsSettled();
  return bed.slack.http?.sent ?? [];
}

/** A request that Slack doesn't send, byte for byte: `fetch` would normalise its path. */
async function elsewhere(port: number, method: string, path: string, body: string): Promise<string> {
  return new Promise((resolve) => {
    const sending = httpRequest(
      { host: '127.0.0.1', port, method, path, agent: ELSEWHERE, headers: { 'content-type': 'application/json' } },
      (answer) => {
        answer.resume().on('end', () => resolve(String(answer.statusCode)));
      },
    );
    sending.on('error', () => resolve('no answer'));
    sending.end(method === 'GET' || method === 'HEAD' ? undefined : body);
  });
}

const ELSEWHERE = new Agent({ keepAlive: false });

/** A request's kind, to check that there is one of each. */
function nameOf({ body }: { readonly body: unknown }): string {
  const found = /"(?:action_id|callback_id|command|type)":"([a-z_/-]+)"/gu;
  return [...new Set([...text(body).matchAll(found)].map(([, name]) => name))].sort().join();
}

type Kind = 'payload' | 'form' | 'json';

/** A Slack request's content, as a value that can be changed. */
function parts(request: { readonly headers: Readonly<Record<string, string>>; readonly body: string }): {
  kind: Kind;
  body: unknown;
} {
  if (request.headers['content-type']?.includes('json')) return { kind: 'json', body: JSON.parse(request.body) };
  const form = Object.fromEntries(new URLSearchParams(request.body));
  return form['payload'] === undefined
    ? { kind: 'form', body: form }
    : { kind: 'payload', body: JSON.parse(form['payload']) };
}

/** With new names: a repeated request isn't looked at again. */
function sentAnew(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const names = { event_id: `Ev${newTrigger()}`, trigger_id: newTrigger() };
  return { ...body, ...Object.fromEntries(Object.entries(names).filter(([name]) => name in body)) };
}

/** Changes or removes one to three places of a value. */
function mutate(value: unknown, something: () => unknown, random: () => number): unknown {
  let mutated = structuredClone(value);
  const places = 1 + Math.floor(random() * 3);
  for (let place = 0; place < places; place += 1) mutated = mutateOnce(mutated, something, random);
  return mutated;
}

function mutateOnce(value: unknown, something: () => unknown, random: () => number): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.1) return something();
  const keys = Object.keys(value);
  if (keys.length === 0) return something();
  const key = pick(random, keys);
  const entries = Object.entries(value).flatMap(([name, inner]) => {
    if (name !== key) return [[name, inner] as const];
    return random() < 0.2 ? [] : [[name, mutateOnce(inner, something, random)] as const];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}

function encode(kind: Kind, body: unknown, secret: string): RequestInit {
  if (kind === 'json') {
    const request = signed(text(body), secret);
    return { ...request, headers: { ...request.headers, 'content-type': 'application/json' } };
  }
  if (kind === 'payload') return signed(new URLSearchParams({ payload: text(body) }).toString(), secret);
  const form = new URLSearchParams();
  const fields: readonly (readonly [string, unknown])[] =
    typeof body === 'object' && body !== null ? Object.entries(body) : [['text', body]];
  for (const [name, value] of fields) form.append(name, typeof value === 'string' ? value : text(value));
  return signed(form.toString(), secret);
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner)) ?? '';
}
