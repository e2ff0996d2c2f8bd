import fc from 'fast-check';
import { startTestBed } from '../support/app.js';
import { pick, type Report, type Scenario } from './scenario.js';
import { signed } from './signed.js';

/** Requests in Slack's shapes with anything anywhere in them, correctly signed, to every route. */
export const mutatedPayloads: Scenario = { name: 'mutated-payloads', run };

const REQUESTS = 10_000;
/** Bolt holds a request that nothing answers for three seconds; meanwhile others are served. */
const AT_ONCE = 250;
/** What the process may have grown by: caches fill, a leak does not stop. */
const GROWTH_BYTES = 60 * 2 ** 20;

async function run(random: () => number): Promise<Report> {
  const bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z' });
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  await bed.rows.insertDeploying();
  await bed.app.tick();
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('*Live.*'));
  await superadmin.submit({ code: 'wrong!' });
  await superadmin.command('mark');
  await superadmin.waitForModal((view) => JSON.stringify(view.blocks).includes('flag_key'));
  await superadmin.submit({ flag_key: 'x y', heroku_app: 'no', target_value: 'true' });
  await superadmin.say(`<@${bed.slack.botUserId}> https://docs.example.com/rca`, { threadTs: (await bed.alert()).ts });
  const templates = (bed.slack.http?.sent ?? []).map(parts);
  const seed = Math.floor(random() * 2 ** 31);
  const anything = fc.sample(fc.oneof(fc.anything({ maxDepth: 2 }), fc.string({ unit: 'binary' })), {
    seed,
    numRuns: 2_000,
  });

  const statuses = new Map<number, number>();
  let baseline = 0;
  for (let sent = 0; sent < REQUESTS; sent += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const { kind, body } = pick(random, templates);
        const mutated = mutate(body, () => anything[Math.floor(random() * anything.length)], random);
        const answer = await fetch(`${bed.baseUrl}/slack/events`, encode(kind, mutated, bed.slack.signingSecret));
        await answer.arrayBuffer();
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      }),
    );
    if (sent === 2_000 && baseline === 0) baseline = heapNow();
  }
  const grown = heapNow() - baseline;
  const alive = await fetch(`${bed.baseUrl}/healthz`).then((answer) => answer.status === 200);
  const [row] = await bed.rows.query<{ state: string }>('select state from console_flag_promotions');
  process.off('unhandledRejection', note);
  await bed.close();
  const faults = [...statuses].reduce((sum, [status, count]) => sum + (status >= 500 ? count : 0), 0);
  return {
    did: `${REQUESTS} requests made of ${templates.length}, answered ${[...statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`,
    wrong: {
      'answered with a fault': faults,
      'unhandled rejections': unhandled.length,
      'process gone': alive ? 0 : 1,
      'promotions changed': row?.state === 'deploying' ? 0 : 1,
      'memory grown beyond its bound': grown > GROWTH_BYTES ? 1 : 0,
    },
  };
}

type Kind = 'payload' | 'form' | 'json';

/** What a request of Slack's carries, as a value that can be changed. */
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

/** One to three places of a value, each with something else in it, or without it. */
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

/** Bytes in use after a collection, where one can be asked for. */
function heapNow(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
