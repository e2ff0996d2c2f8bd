import { type Snapshot, snapshot } from '../../demo/workspace/protocol/snapshot.js';

/** The first snapshot that the demo's page at `url` gets. @throws if it gets none */
export async function firstSeen(url: string): Promise<Snapshot> {
  const answer = await fetch(`${url}events`);
  let text = '';
  // Leaving the loop closes the connection.
  for await (const chunk of answer.body ?? []) {
    text += Buffer.from(chunk).toString('utf8');
    const seen = /^data: (\{.*\})\n\n/mu.exec(text)?.[1];
    if (seen !== undefined) return snapshot.parse(JSON.parse(seen));
  }
  throw new Error('The page was shown nothing.');
}
