import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { snapshot } from '../../demo/workspace/protocol/snapshot.js';
import { type RunningDemo, startDemo } from '../browser/support/demo.js';

/** The page's server, called as a browser would, and as others might. */
describe('the workspace’s server', () => {
  let demo: RunningDemo;
  beforeAll(async () => {
    demo = await startDemo('http');
  });
  afterAll(async () => {
    expect(await demo.stop()).toBe(0);
    expect(demo.complaints).toEqual([]);
  });

  const act = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
    fetch(`${demo.url}act`, { method: 'POST', headers, body });

  /** The status of a request with headers that fetch doesn't allow. */
  async function statusWith(headers: Record<string, string>, path = 'events'): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const asking = request(`${demo.url}${path}`, { headers }, (answer) => {
        resolve(answer.statusCode);
        answer.destroy();
      });
      asking.once('error', reject).end();
    });
  }

  test('serves the page, which may run nothing but its own script', async () => {
    const answer = await fetch(demo.url);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
    expect(await answer.text()).toContain('<script type="module" src="/page.js">');
    for (const part of ['page.js', 'page.css']) expect((await fetch(demo.url + part)).status).toBe(200);
    expect((await fetch(`${demo.url}files/F0`)).status).toBe(404);
    expect((await fetch(demo.url, { method: 'DELETE' })).status).toBe(405);
  });

  test('answers nobody who comes by another name or from another page', async () => {
    const { host } = new URL(demo.url);
    expect(await statusWith({ host })).toBe(200);
    expect(await statusWith({ host, origin: `http://${host}` })).toBe(200);
    expect(await statusWith({ host: 'rebound.example' })).toBe(403);
    expect(await statusWith({ host: '127.0.0.1' })).toBe(403);
    expect(await statusWith({ host, origin: 'https://elsewhere.example' })).toBe(403);
    expect(await statusWith({ host, origin: 'null' })).toBe(403);
    expect(await statusWith({ host, 'sec-fetch-site': 'cross-site' }, '')).toBe(403);
  });

  test('listens on loopback alone', async () => {
    const { port } = new URL(demo.url);
    const outside = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    for (const { address } of outside) {
      await expect(fetch(`http://${address}:${port}/`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow();
    }
    await expect(fetch(`http://[::1]:${port}/`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow();
  });

  test('does nothing but what can be done', async () => {
    expect((await act('{')).status).toBe(400);
    expect((await act('{"do":"format_disk"}')).status).toBe(400);
    expect((await act('{"do":"kill","as":"root"}')).status).toBe(400);
    expect((await act('{"do":"move_clock","hours":-12}')).status).toBe(400);
    expect((await act(JSON.stringify({ do: 'heroku_set', configVar: 'A', value: 'x'.repeat(200_000) }))).status).toBe(
      400,
    );
    // What another page's form could send.
    expect((await act('{"do":"kill"}', { 'content-type': 'text/plain' })).status).toBe(400);
    const gone = await act(JSON.stringify({ do: 'submit', as: 'superadmin', viewId: 'V0', values: {} }));
    expect(await gone.json()).toEqual({ kind: 'failed', message: 'That has changed meanwhile. Look again.' });
  });

  test('pushes what is seen, and again once it changed', async () => {
    const stop = new AbortController();
    const answer = await fetch(`${demo.url}events`, { signal: stop.signal });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const pushed = pushes(answer);
    const first = (await pushed.next()).value;
    expect(first).toMatchObject({ transport: 'http', clockOffsetMs: 0, app: { status: 'up', kills: 0 } });
    expect(first?.people.map(({ key, code }) => [key, code === null])).toEqual([
      ['superadmin', false],
      ['engineer', false],
      ['externalUser', true],
    ]);
    await act('{"do":"move_clock","hours":12}');
    await act(
      JSON.stringify({
        do: 'say',
        as: 'engineer',
        channel: first?.channels[1]?.id,
        threadTs: null,
        text: 'a < b & @flag-promotions',
      }),
    );
    for await (const { clockOffsetMs, messages, bot } of pushed) {
      const said = messages.find(({ text }) => text.startsWith('a '));
      if (said === undefined) continue;
      expect(clockOffsetMs).toBe(12 * 3_600_000);
      expect(said.text).toBe(`a &lt; b &amp; <@${bot.id}>`);
      // It was posted by the moved clock.
      expect(Number(said.ts) * 1_000 - Date.now()).toBeGreaterThan(11 * 3_600_000);
      break;
    }
    stop.abort();
  });
});

async function* pushes(answer: Response) {
  let rest = '';
  for await (const chunk of answer.body ?? []) {
    rest += Buffer.from(chunk).toString('utf8');
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n')) {
      const event = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (event.startsWith('data: ')) yield snapshot.parse(JSON.parse(event.slice('data: '.length)));
    }
  }
}
