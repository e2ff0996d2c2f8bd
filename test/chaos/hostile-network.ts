import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { startTestBed, type TestBed } from '../support/app.js';
import { startChild } from './child.js';
import type { Report, Scenario } from './scenario.js';
import { newTrigger, signed } from './signed.js';

/**
 * Attackers work against the built app while people use it: bodies that are slow to parse, never end, or come in
 * crumbs; thousands of connections; hundreds of requests at once; and replays of captured ones.
 */
export const hostileNetwork: Scenario = { name: 'hostile-network', run };

const ATTACKS = ['brackets', 'stalled', 'crumbs', 'slow', 'questions', 'ahead'] as const;
const ACT_EVERY_MS = 150;
/** No honest person waits longer. */
const WAIT_MS = 1_000;
/** The longest block of the event loop: a click waits no longer for it. */
const BLOCK_MS = 250;
/** All bodies at their limit, each connection's buffers, and garbage. */
const MOST_MEMORY_MIB = 96;
const REPLAYS = 6;
/** A probe's answer is good for a second; Slack's for fifteen. */
const SLACK_ASKED_EVERY_MS = 15_000;

async function run(): Promise<Report> {
  const bed = await startTestBed({ startAt: new Date().toISOString(), rateLimit: false });
  await bed.rows.insertDeploying({ promotedAt: new Date(Date.now() - 25 * 3_600_000).toISOString() });
  const child = startChild(['start'], { ...bed.environment, PUBLIC_URL: 'http://localhost:1' });
  const port = await child.port();
  bed.slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
  const clients = new Worker(new URL('./hostile-clients.mjs', import.meta.url), { workerData: { port } });

  const charts = await replayChart(bed, port);
  const odd = await signedForOtherTimes(bed, port);
  const people = work(bed);
  // Everything runs once before it is measured, so that it is compiled.
  await sleep(2_000);
  const idle = people.waits();
  const calm = await child.watched();
  const asked = () => bed.slack.calls.filter(({ method }) => method === 'auth.test').length;
  const [askedBefore, startedAt] = [asked(), performance.now()];

  const answers = new Map<string, number>();
  const said: string[] = [];
  let longestBlockMs = 0;
  let peak = 0;
  for (const attack of ATTACKS) {
    clients.postMessage(attack);
    const [told] = await once(clients, 'message');
    const { counts } = z.object({ counts: z.record(z.string(), z.number()) }).parse(told);
    const watched = await child.watched();
    longestBlockMs = Math.max(longestBlockMs, watched.longestBlockMs);
    peak = Math.max(peak, watched.peakRss);
    const waits = people.waits();
    said.push(
      `${attack}: ${list(counts)}; waited ${Math.max(0, ...waits).toFixed(0)} ms at most, stood still for ${watched.longestBlockMs.toFixed(0)} ms, ${(watched.peakRss / 2 ** 20).toFixed(0)} MiB`,
    );
    for (const [status, count] of Object.entries(counts)) answers.set(status, (answers.get(status) ?? 0) + count);
  }
  const mayAsk = 1 + Math.ceil((performance.now() - startedAt) / SLACK_ASKED_EVERY_MS);
  const askedMeanwhile = asked() - askedBefore;
  const waits = await people.stop();
  const alive = await fetch(`http://127.0.0.1:${port}/healthz`).then(
    (answer) => answer.status === 200,
    () => false,
  );
  await clients.terminate();
  await child.kill();
  bed.hear(child.output());
  await bed.close();

  const memory = (peak - calm.peakRss) / 2 ** 20;
  const attacked = [...answers.values()].reduce((sum, count) => sum + count, 0);
  return {
    did: [
      `${attacked} attacks; the event loop stood still for ${longestBlockMs.toFixed(0)} ms at most (${calm.longestBlockMs.toFixed(0)} before)`,
      `memory ${(calm.peakRss / 2 ** 20).toFixed(0)} MiB before, ${(peak / 2 ** 20).toFixed(0)} at most`,
      `people waited ${middle(waits).toFixed(0)} ms (median of ${waits.length}), ${Math.max(0, ...waits).toFixed(0)} at most; ${middle(idle).toFixed(0)} before`,
      ...said,
    ].join('\n  '),
    wrong: {
      'people who waited a second or longer': waits.filter((wait) => wait >= WAIT_MS).length,
      'people who got no answer': people.unanswered(),
      'event loop blocked for too long': longestBlockMs > BLOCK_MS ? 1 : 0,
      'MiB of memory too many': Math.max(0, Math.ceil(memory - MOST_MEMORY_MIB)),
      'charts too few or too many': Math.abs(charts - 1),
      'requests for other times let in': odd,
      'calls of Slack too many': Math.max(0, askedMeanwhile - mayAsk),
      'process gone': alive ? 0 : 1,
    },
    happened: {
      'attacks refused, cut or left without an answer': {
        times: ['401', '404', '408', '413', '503', 'cut', 'none'].reduce(
          (sum, one) => sum + (answers.get(one) ?? 0),
          0,
        ),
        atLeast: 2_500,
      },
      'questions answered': { times: answers.get('200') ?? 0, atLeast: 500 },
      'things that people did meanwhile': { times: waits.length, atLeast: 50 },
    },
  };
}

/** People list what is stuck, one after the other; measures how long each waited to see it. */
function work(bed: TestBed) {
  const { superadmin } = bed.slack.people;
  const all: number[] = [];
  let recent: number[] = [];
  let unanswered = 0;
  let stopping = false;
  const working = (async () => {
    while (!stopping) {
      const startedAt = performance.now();
      const before = superadmin.ephemerals().length;
      await superadmin.command('stuck');
      const shown = await superadmin
        .waitForEphemeral(() => superadmin.ephemerals().length > before, 20_000)
        .catch(() => null);
      if (shown === null) unanswered += 1;
      const waited = performance.now() - startedAt;
      all.push(waited);
      recent.push(waited);
      for (const { id } of superadmin.ephemerals()) superadmin.dismiss(id);
      await sleep(ACT_EVERY_MS);
    }
  })();
  return {
    /** Since the last call. */
    waits(): readonly number[] {
      const since = recent;
      recent = [];
      return since;
    },
    unanswered: () => unanswered,
    async stop(): Promise<readonly number[]> {
      stopping = true;
      await working;
      return all;
    },
  };
}

/** Posts a chart, and replays the click; resolves with the number of charts. */
async function replayChart(bed: TestBed, port: number): Promise<number> {
  const { superadmin } = bed.slack.people;
  await superadmin.command('stats 30d');
  const figures = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart'));
  await superadmin.click(figures, 'stats_chart');
  await superadmin.waitForEphemeral(({ text }) => text.includes('Posted'));
  const click = bed.slack.http?.sent.findLast(({ body }) => body.includes('stats_chart'));
  if (click === undefined) throw new Error('Nobody clicked.');
  const again = { method: 'POST', headers: click.headers, body: click.body };
  await Promise.all(
    Array.from({ length: REPLAYS }, () =>
      fetch(`http://127.0.0.1:${port}/slack/events`, again).then((answer) => answer.arrayBuffer()),
    ),
  );
  await sleep(3_000);
  return bed.slack.calls.filter(
    ({ method, args }) => method === 'files.completeUploadExternal' && args['channel_id'] === bed.slack.channels.alerts,
  ).length;
}

/** Signed with the right secret, for times that aren't now; resolves with the number let in. */
async function signedForOtherTimes(bed: TestBed, port: number): Promise<number> {
  const hour = 3_600_000;
  const statuses = await Promise.all(
    [-hour, -301_000, 310_000, hour, 10_000 * hour].map(async (offMs) => {
      const body = new URLSearchParams({
        command: '/flag-promotions',
        text: 'help',
        user_id: 'U1',
        trigger_id: newTrigger(),
      });
      const request = signed(body.toString(), bed.slack.signingSecret, new Date(Date.now() + offMs));
      return (await fetch(`http://127.0.0.1:${port}/slack/events`, request)).status;
    }),
  );
  return statuses.filter((status) => status !== 401).length;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

function list(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([status, count]) => `${status} ${count}`)
    .join(', ');
}
