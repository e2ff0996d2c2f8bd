import { isRowId } from './row-id.js';

export const PERMALINKS = '/promotions/';

/** A promotion's own address, which unfurls in Slack. `publicUrl`: the app's origin. */
export function permalinkOf(publicUrl: string, promotionId: string): string {
  return `${publicUrl}${PERMALINKS}${promotionId}`;
}

/** The promotion's id in such an address; null if it is none of ours. */
export function permalinkedId(publicUrl: string, address: string): string | null {
  if (!address.startsWith(`${publicUrl}${PERMALINKS}`)) return null;
  const [, id = ''] = /^(-?\d+)(?:[/?#].*)?$/u.exec(address.slice(publicUrl.length + PERMALINKS.length)) ?? [];
  return isRowId(id) ? id : null;
}
