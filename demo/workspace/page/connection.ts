import { useEffect, useState } from 'react';
import { type Act, type Outcome, outcome } from '../protocol/acts.js';
import { type Snapshot, snapshot } from '../protocol/snapshot.js';
import { shared } from './shared.js';

/** The server's last push; null before the first. `lost`: disconnected, and the browser retries. */
export function useSnapshot(): { readonly seen: Snapshot | null; readonly lost: boolean } {
  const [seen, setSeen] = useState<Snapshot | null>(null);
  const [lost, setLost] = useState(false);
  useEffect(() => {
    const source = new EventSource('/events');
    source.onopen = () => setLost(false);
    source.onerror = () => setLost(true);
    let page: string | null = null;
    source.addEventListener('page', ({ data }: MessageEvent<string>) => {
      if (page !== null && page !== data) location.reload();
      page = data;
    });
    source.onmessage = ({ data }: MessageEvent<string>) => {
      const next = snapshot.parse(JSON.parse(data));
      setSeen((before) => shared(before, next));
    };
    return () => source.close();
  }, []);
  return { seen, lost };
}

const UNREACHABLE: Outcome = { kind: 'failed', message: 'The demo does not answer. Is it still running?' };

/** Never rejects. */
export async function send(act: Act): Promise<Outcome> {
  try {
    const answer = await fetch('/act', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(act),
    });
    if (!answer.ok) return { kind: 'failed', message: await answer.text() };
    return outcome.parse(await answer.json());
  } catch {
    return UNREACHABLE;
  }
}
