import { DIGEST_PERIOD, isLate } from '../../promotions/digest.js';
import type { StoredFile } from '../../slack/upload.js';
import { defineKind } from '../kind.js';
import { inThread } from './about-promotion.js';
import { dueAt, statsOf } from './digest-period.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    digest_chart: 'a digest’s figures as a picture, in its thread';
  }
}

/** Tried once: a file in Slack has no key to find it by, and no chart is better than two. */
export const digestChart = defineKind<{ readonly file: StoredFile | null }>({
  gone: 'close',
  unknownOutcome: 'close',
  async gather(message, sources) {
    const stats = await statsOf(message, sources);
    if (stats.all.promotions === 0 || isLate(dueAt(message), await sources.db.now())) return { file: null };
    return {
      file: {
        name: `promotions-${stats.until.toISOString().slice(0, 10)}-${DIGEST_PERIOD}.png`,
        title: `Promotions of the last ${DIGEST_PERIOD}`,
        ...(await sources.drawChart(stats)),
      },
    };
  },
  place: (message) => inThread(message),
  show: ({ file }, { isNew }) =>
    isNew && file !== null ? { content: { file: { ...file, comment: 'The week as a chart' } } } : null,
});
