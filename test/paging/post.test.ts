import { Response } from 'undici';
import { PagingError, postJson } from '../../src/paging/post.js';

const OUTGOING = {
  what: 'webhook',
  url: 'https://receiver.example',
  headers: {},
  body: '{}',
  withinMs: 1_000,
  answersJson: false,
  secrets: [],
};

async function errorAfter(status: number): Promise<PagingError> {
  const error: unknown = await postJson(OUTGOING, async () => new Response(null, { status })).catch(
    (reason: unknown) => reason,
  );
  if (error instanceof PagingError) return error;
  throw error;
}

test.each([408, 425, 499, 500, 503])('behind a %i the receiver may still be working on it', async (status) => {
  const { waits, mayHaveArrived } = await errorAfter(status);
  expect({ waits, mayHaveArrived }).toEqual({ waits: { kind: 'unknown_outcome' }, mayHaveArrived: true });
});

test.each([401, 403, 404, 407, 451])('a %i is a refusal that may pass', async (status) => {
  const { waits, mayHaveArrived } = await errorAfter(status);
  expect({ waits, mayHaveArrived }).toEqual({ waits: { kind: 'refused' }, mayHaveArrived: false });
});

test.each([400, 410])('a %i is final', async (status) => {
  const { waits, mayHaveArrived } = await errorAfter(status);
  expect({ waits, mayHaveArrived }).toEqual({ waits: null, mayHaveArrived: false });
});

describe('a receiver that answers in JSON', () => {
  async function told(status: number, body: string, headers: Record<string, string>) {
    const answer = async () => new Response(body, { status, headers });
    const error: unknown = await postJson({ ...OUTGOING, answersJson: true }, answer).catch(
      (reason: unknown) => reason,
    );
    if (!(error instanceof PagingError)) throw error;
    const { word, waits } = error;
    return { word, waits };
  }
  const HTML = { 'content-type': 'text/html' };
  const PAGE = '<html>Blocked</html>';
  const RETRIED = { kind: 'refused' };

  test.each([
    ['a page', 403, PAGE, HTML],
    ['a page, whatever it calls itself', 404, '<!doctype html>', { 'content-type': 'text/plain' }],
    ['a page with a 400, which is retried', 400, PAGE, HTML],
    ['a page with a 410, which is retried', 410, PAGE, HTML],
    ['words that a proxy passed on', 401, 'Denied', { 'content-type': 'text/plain', via: '1.1 proxy' }],
    ['words that ask for a login at a proxy', 401, 'Denied', { 'proxy-authenticate': 'Basic' }],
  ])('says that %s may be a proxy’s', async (_, status, body, headers) => {
    expect(await told(status, body, headers)).toEqual({ word: `${status}, perhaps a proxy’s`, waits: RETRIED });
  });

  test.each([
    ['JSON', '{"status":"invalid event"}', { 'content-type': 'application/json' }],
    ['JSON that a proxy passed on', '{"status":"invalid event"}', { via: '1.1 proxy' }],
    ['nothing', '', { ...HTML, via: '1.1 proxy' }],
    ['plain words', 'Forbidden', { 'content-type': 'text/plain' }],
  ])('is told by its status if it answers %s', async (_, body, headers) => {
    expect(await told(403, body, headers)).toEqual({ word: '403', waits: RETRIED });
    expect(await told(400, body, headers)).toEqual({ word: '400', waits: null });
  });
});

test('a page of a webhook’s receiver is its own', async () => {
  const page = new Response('<html></html>', { status: 400, headers: { 'content-type': 'text/html' } });
  await expect(postJson(OUTGOING, async () => page)).rejects.toMatchObject({ word: '400', waits: null });
});
