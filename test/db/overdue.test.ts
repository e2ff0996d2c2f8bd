import { sealOnce } from '../../src/jobs/sealer.js';
import { realTimers } from '../../src/jobs/timers.js';
import { createLogger } from '../../src/log.js';
import {
  deliverMessage,
  insertPromotion,
  later,
  MINE,
  NOW,
  openAlert,
  ROOT,
  SHOWN,
  type Stored,
  startStored,
  stopClock,
} from '../support/rows.js';

/* What is overdue, whatever was tried. */

const MINUTE = 60_000;
let stored: Stored;
let id: string;
beforeEach(async () => {
  stored = await startStored();
  await stopClock(stored, NOW);
  id = await insertPromotion(stored.rows);
});
afterEach(() => stored.close());

const at = (ms: number) => stopClock(stored, later(ms));
const overdue = (promoting = false) => stored.db.overdue({ afterMs: 2 * MINUTE, promoting });
const since = (ms: number, what: Partial<{ messages: number; promotions: number }> = {}) => ({
  messages: 1,
  promotions: 0,
  ...what,
  since: later(ms),
});
async function alertId(): Promise<string> {
  return (await stored.db.messages.newest('alert', id))?.id ?? '';
}
async function postedAlert(): Promise<string> {
  await openAlert(stored, id, 'warning');
  await deliverMessage(stored.db, 'alert', id, ROOT);
  return alertId();
}

describe('the witness of the audit log', () => {
  const WITNESS = 'a hash';
  const timers = realTimers(() => performance.now());
  const lacking = () => stored.db.overdue({ afterMs: 2 * MINUTE, promoting: false, witness: WITNESS });
  async function seal(): Promise<void> {
    const event = { action: 'console.flag.promotion.denied', actor: 'U0KRIS', promotionId: null, detail: {} } as const;
    await stored.db.audit.append({ at: NOW, ...event });
    await sealOnce({ seals: stored.db.seals, timers, log: createLogger('silent'), takesAnyKey: false });
  }
  async function send(number: string): Promise<void> {
    expect(await stored.db.seals.claimWitness(WITNESS, MINE)).not.toBeNull();
    expect(await stored.db.seals.recordSent(WITNESS, MINE, number)).toBe(true);
    await stored.db.seals.releaseWitness(WITNESS, MINE, null);
  }
  beforeEach(async () => {
    await seal();
    await at(MINUTE);
    await seal();
    await send('2');
  });

  test('is owed nothing once it has every seal, and each new one from its time', async () => {
    await at(10 * MINUTE);
    expect(await lacking()).toBeNull();
    expect(await stored.db.seals.isOwed(WITNESS)).toBe(false);
    await seal();
    expect(await lacking()).toBeNull();
    await at(12 * MINUTE);
    expect(await lacking()).toMatchObject({ seals: 1, since: later(10 * MINUTE) });
  });

  test.each([
    'sent_to = 9000000000000000000, owed_since = null',
    `sent_to = 9000000000000000000, owed_since = null, lease_owner = 'x', lease_until = 'infinity'`,
    `sent_to = 3, owed_since = 'infinity', next_attempt_at = 'infinity'`,
  ])('is owed all seals if it is said to have more than there are: %s', async (set) => {
    await stored.rows.query(`update flag_promotions.audit_witnesses set ${set}`);
    await at(2 * MINUTE);
    expect(await lacking()).toMatchObject({ seals: 1, since: later(0) });
    await at(3 * MINUTE);
    expect(await lacking()).toMatchObject({ seals: 2, since: later(0) });
  });

  test.each(['owed_since = null', `owed_since = 'infinity'`, `owed_since = null, next_attempt_at = 'infinity'`])(
    'is owed what it lacks from the seal’s time, whatever its row says: %s',
    async (set) => {
      await stored.rows.query(`update flag_promotions.audit_witnesses set sent_to = 1, ${set}`);
      await at(3 * MINUTE);
      expect(await lacking()).toMatchObject({ seals: 1, since: later(MINUTE) });
    },
  );

  test('is owed what is gone', async () => {
    await stored.rows.query(
      'alter table flag_promotions.audit_seals disable trigger user; delete from flag_promotions.audit_seals',
    );
    expect(await lacking()).toMatchObject({ seals: 1 });
  });
});

describe('a message', () => {
  test('is overdue two minutes after it was queued, and no longer once it is posted', async () => {
    await openAlert(stored, id, 'warning');
    await at(2 * MINUTE - 1);
    expect(await overdue()).toBeNull();
    await at(2 * MINUTE);
    expect(await overdue()).toEqual(since(0));
    await deliverMessage(stored.db, 'alert', id, ROOT);
    expect(await overdue()).toBeNull();
  });

  test('is so whatever was tried meanwhile, and while it waits for the next attempt', async () => {
    await openAlert(stored, id, 'warning');
    const message = await alertId();
    await at(MINUTE);
    await stored.db.messages.claim(message, MINE);
    await stored.db.messages.release(message, MINE, { waitMs: 60 * MINUTE, lastError: 'is_archived' });
    await at(3 * MINUTE);
    expect(await overdue()).toEqual(since(0));
  });

  test('that is held back is owed from then on', async () => {
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, later(60 * MINUTE));
    await at(61 * MINUTE);
    expect(await overdue()).toBeNull();
    await at(62 * MINUTE);
    expect(await overdue()).toEqual(since(60 * MINUTE));
  });

  test('that has to be updated is owed since it had to be, not since it was posted or asked for again', async () => {
    const message = await postedAlert();
    await at(10 * MINUTE);
    await stored.db.messages.requestUpdate(message);
    await at(11 * MINUTE);
    await stored.db.messages.requestUpdate(message);
    await at(12 * MINUTE);
    expect(await overdue()).toEqual(since(10 * MINUTE));
  });

  test('that is updated again and again is not overdue', async () => {
    const message = await postedAlert();
    for (let minute = 1; minute <= 5; minute += 1) {
      await at(minute * MINUTE);
      await stored.db.messages.requestUpdate(message);
      await stored.db.messages.claim(message, MINE);
      await stored.db.messages.requestUpdate(message);
      await stored.db.messages.recordShown(message, MINE, { ...SHOWN, version: 2 * minute - 1 });
      await stored.db.messages.release(message, MINE, null);
    }
    expect(await overdue()).toBeNull();
    await at(7 * MINUTE);
    expect(await overdue()).toEqual(since(5 * MINUTE));
  });

  test('of a version that is not here counts; a home tab does not', async () => {
    await stored.rows.query(`insert into flag_promotions.messages (kind, subject) values ('from_the_future', '1')`);
    await stored.db.homes.open('U0GONE');
    await at(5 * MINUTE);
    expect(await overdue()).toEqual(since(0));
  });

  test('that waits for its thread leaves it to the root to be overdue', async () => {
    await stored.db.alerts.open({ promotionId: id, severity: 'warning' }, NOW, later(60 * MINUTE));
    await stored.rows.query(
      `insert into flag_promotions.messages (kind, subject, root_id) values ('resolved', '1', $1)`,
      [await alertId()],
    );
    await at(10 * MINUTE);
    expect(await overdue()).toBeNull();
  });

  test('stored when the database’s clock was hours ahead is owed from now', async () => {
    await openAlert(stored, id, 'warning');
    await stored.rows.query(`update flag_promotions.messages set owed_since = owed_since + interval '6 hours'`);
    const ahead = async () => (await stored.db.chores.due(NOW, NOW, 40_000)).shortenWaits;
    expect(await ahead()).toBe(true);
    await stored.db.setBackClock.shortenWaits(40_000);
    expect(await ahead()).toBe(false);
    await at(2 * MINUTE);
    expect(await overdue()).toEqual(since(0));
  });

  test('that was closed is not', async () => {
    await openAlert(stored, id, 'warning');
    await stored.rows.query(`update flag_promotions.messages set state = 'closed'`);
    await at(10 * MINUTE);
    expect(await overdue()).toBeNull();
  });
});

describe('a promotion', () => {
  beforeEach(async () => {
    await stored.rows.query(`update console_flag_promotions set checkpoint = 'INTENT', promoted_at = $1`, [NOW]);
  });

  test('that no promoter takes up is overdue after two minutes, if one runs', async () => {
    await at(2 * MINUTE - 1);
    expect(await overdue(true)).toBeNull();
    await at(2 * MINUTE);
    expect(await overdue(true)).toEqual(since(0, { messages: 0, promotions: 1 }));
    expect(await overdue(false)).toBeNull();
  });

  test('that is worked on, or waits for its next attempt, is not; it is from then on', async () => {
    await stored.db.promoting.claimNext({ owner: 'mine', durationMs: 10 * MINUTE });
    await at(9 * MINUTE);
    expect(await overdue(true)).toBeNull();
    await stored.db.promoting.postpone(id, MINE, { waitMs: 11 * MINUTE, lastError: 'Heroku is down' });
    await at(20 * MINUTE);
    expect(await overdue(true)).toBeNull();
    await at(22 * MINUTE);
    expect(await overdue(true)).toEqual(since(20 * MINUTE, { messages: 0, promotions: 1 }));
  });

  test.each(['null', `'SOMETHING_ELSE'`])(
    'with the checkpoint %s is none of a promoter’s business',
    async (checkpoint) => {
      await stored.rows.query(`update console_flag_promotions set checkpoint = ${checkpoint}`);
      await at(10 * MINUTE);
      expect(await overdue(true)).toBeNull();
    },
  );
});
