import { isRowId } from './row-id.js';

/** Under which path promotions have addresses of their own. */
export const PERMALINKS = '/promotions/';

/** A promotion's own address, which unfolds to its state in Slack. `publicUrl`: the app's origin. */
export function permalinkOf(publicUrl: string, promotionId: string): string {
  return `${publicUrl}${PERMALINKS}${promotionId}`;
}

/** The id of the promotion that an address is that of; null where it is none of ours. */
export function permalinkedId(publicUrl: string, address: string): string | null {
  if (!address.startsWith(`${publicUrl}${PERMALINKS}`)) return null;
  const [, id = ''] = /^(-?\d+)(?:[/?#].*)?$/u.exec(address.slice(publicUrl.length + PERMALINKS.length)) ?? [];
  return isRowId(id) ? id : null;
}
