import { isRowId } from './row-id.js';

export const PERMALINKS = '/promotions/';

/** A promotion's own address, which unfurls in Slack. `publicUrl`: the app's origin. */
export function permalinkOf(publicUrl: string, promotionId: string): string {
  return `${publicUrl}${PERMALINKS}${promotionId}`;
}

/** The promotion's id in such an address; null if it is none of ours. */
export function permalinkedId(publicUrl: string, address: string): string | null {
  // Parsed: people also write the host in capitals, or with its port.
  const base = new URL(`${publicUrl}${PERMALINKS}`);
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || url.origin !== base.origin || !url.pathname.startsWith(base.pathname)) return null;
  const [, id = ''] = /^(-?\d+)(?:\/.*)?$/u.exec(url.pathname.slice(base.pathname.length)) ?? [];
  return isRowId(id) ? id : null;
}
