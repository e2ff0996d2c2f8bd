import { Response } from 'undici';
import { PagingError, postJson } from '../../src/paging/post.js';

const OUTGOING = {
  what: 'webhook',
  url: 'https://receiver.example',
  headers: {},
  body: '{}',
  withinMs: 1_000,
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
