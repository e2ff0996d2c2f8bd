import { setTimeout as sleep } from 'node:timers/promises';

const WITHIN_MS = 60_000;

/** Resolves once `/readyz` says 200. @throws if that takes too long */
export async function untilReady(url: string): Promise<void> {
  for (const deadline = performance.now() + WITHIN_MS; performance.now() < deadline; await sleep(5)) {
    const answer = await fetch(`${url}/readyz`);
    await answer.arrayBuffer();
    if (answer.status === 200) return;
  }
  throw new Error('The app was not ready in time.');
}
