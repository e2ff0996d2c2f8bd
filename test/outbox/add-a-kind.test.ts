import { defineKind } from '../../src/outbox/kind.js';
import { inThread, showing } from '../../src/outbox/kinds/about-promotion.js';
import { KINDS } from '../../src/outbox/kinds/index.js';
import type { MessageRef } from '../../src/promotions/alert.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { deliverMessage, insertPromotion, NOW } from '../support/rows.js';
import { type OutboxBed, startOutboxBed } from './bed.js';

/*
 * All that a new kind of reply takes: this, in its own file with the declaration of its name, and its line in the
 * table. test/unions.ts shows that neither can be forgotten or misspelt.
 */
const noteTaken = defineKind<Promotion>({
  gone: 'close',
  unknownOutcome: 'find',
  gather: ({ promotionId }, { db }) => db.promotions.find(promotionId ?? '0'),
  place: (message) => inThread(message),
  show: ({ flagKey, state }) => showing({ text: `${flagKey} is ${state}` }),
});

describe('a kind that is added', () => {
  let bed: OutboxBed;
  let id: string;

  beforeEach(async () => {
    bed = await startOutboxBed({ ...KINDS, note_taken: noteTaken });
    const promotionId = await insertPromotion(bed.rows, { flag_key: 'dark_mode' });
    const root = await postedRoot(promotionId);
    id = await bed.queue({ kind: 'note_taken', subject: promotionId, promotionId, root });
  });
  afterEach(() => bed.close());

  async function postedRoot(promotionId: string): Promise<string> {
    expect(await bed.db.alerts.open({ promotionId, severity: 'warning' }, NOW, null)).toBe(true);
    return deliverMessage(bed.db, 'alert', promotionId, await somethingPosted());
  }

  async function somethingPosted(): Promise<MessageRef> {
    bed.facts.set('root', { text: 'root' });
    const notice = await bed.queue({ kind: 'notice', subject: 'root' });
    expect((await bed.outbox.deliver(notice)).kind).toBe('posted');
    return { channel: bed.slack.channels.alerts, ts: (await bed.root()).ts };
  }

  test('is due, posted, and updated in place', async () => {
    expect(await bed.db.messages.due(10)).toEqual([id]);
    expect((await bed.outbox.deliver(id)).kind).toBe('posted');
    expect(await bed.thread()).toEqual(['dark_mode is deploying']);
    await bed.rows.query(`update console_flag_promotions set state = 'cancelled'`);
    await bed.rows.query('update flag_promotions.messages set wanted = wanted + 1 where id = $1', [id]);
    expect((await bed.outbox.deliver(id)).kind).toBe('updated');
    expect(await bed.thread()).toEqual(['dark_mode is cancelled']);
  });

  test('is found again if the answer to its post was lost', async () => {
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    expect((await bed.outbox.deliver(id)).kind).toBe('failed');
    await bed.advance(31_000);
    expect((await bed.outbox.deliver(id)).kind).toBe('found');
    expect(await bed.thread()).toEqual(['dark_mode is deploying']);
  });

  test('is delivered with everything else about its promotion', async () => {
    const outcomes = await bed.outbox.deliverAbout(await subjectOf(id));
    expect(outcomes.map(({ kind }) => kind)).toEqual(['posted']);
  });

  const subjectOf = async (message: string) => (await bed.db.messages.find(message))?.subject ?? '';
});

test('every kind says what to do if Slack lost its message', () => {
  for (const kind of Object.values(KINDS)) {
    expect(['post_again', 'close']).toContain(kind.gone);
    expect(['find', 'post_again', 'close']).toContain(kind.unknownOutcome);
  }
});
