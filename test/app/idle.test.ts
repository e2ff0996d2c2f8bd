import { setTimeout as sleep } from 'node:timers/promises';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { type StatementTap, tapStatements } from '../support/statements.js';

/** The most statements an idle replica may send in a minute: it ticks once, and looks for work now and then. */
const MOST_A_MINUTE = 20;
/** It sleeps for 25 s at most. */
const LOOKS_A_MINUTE = 60 / 25;
const WATCHED_MS = 5_000;

describe('an idle replica', () => {
  let bed: TestBed;
  let tap: StatementTap;

  beforeEach(async () => {
    bed = await startTestBed({ startAt: new Date().toISOString(), vars: {}, withoutHeroku: true });
    tap = await tapStatements(bed.environment['DATABASE_URL'] ?? '');
  });
  afterEach(async () => {
    await bed.close();
    await tap.close();
  });

  const isLook = ({ sql }: { readonly sql: string }) => /attempts = coalesce\(p\.attempts, 0\) \+ 1/u.test(sql);
  const startReplica = () =>
    bed.replica({
      environment: { DATABASE_URL: tap.url, HEROKU_API_KEY: bed.heroku.apiKey, HEROKU_API_URL: bed.heroku.apiUrl },
    });
  /** Its NOTIFY to itself arrived, and it has looked for work since. */
  const isListening = () =>
    eventually(async () => {
      const hello = tap.statements.findIndex(({ values }) => values.includes('hello'));
      expect(hello).toBeGreaterThan(-1);
      expect(tap.statements.slice(hello).some(isLook)).toBe(true);
    });

  test('asks little of the database while it is told of what becomes due', async () => {
    const app = await startReplica();
    await isListening();
    // What its start led to is over.
    let before = -1;
    while (before !== tap.statements.length) {
      before = tap.statements.length;
      await sleep(1_000);
    }
    await app.tick();
    await sleep(WATCHED_MS);
    const asked = tap.statements.slice(before);
    // One may fall into any five seconds.
    expect(asked.filter(isLook).length).toBeLessThanOrEqual(1);
    const ofTick = asked.filter((statement) => !isLook(statement)).length;
    expect(ofTick).toBeGreaterThan(5);
    expect(ofTick + LOOKS_A_MINUTE).toBeLessThanOrEqual(MOST_A_MINUTE);
  });

  test('looks as often as ever while nobody tells it', async () => {
    await startReplica();
    await isListening();
    const looks = () => tap.statements.filter(isLook).length;
    await bed.rows.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'flag-promotions-listener' and datname = current_database()`,
    );
    const before = looks();
    // It looks when it notices that NOTIFY fails, again when it listens again, and each half second in between.
    await eventually(async () => expect(looks()).toBeGreaterThan(before + 1));
  });
});
