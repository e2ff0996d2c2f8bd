import { setTimeout as sleep } from 'node:timers/promises';
import { isSignature, createAuditKeys } from '../../src/audit/keys.js';
import { fetch as undiciFetch } from 'undici';
import { createWitness } from '../../src/jobs/witness.js';
import { createLogger } from '../../src/log.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { whileHolding } from '../support/locks.js';
import { startWitness, type WitnessStandIn } from '../support/witness.js';

describe('the audit log, sealed as the app works', () => {
  let bed: TestBed;
  let witness: WitnessStandIn;
  beforeEach(async () => {
    witness = await startWitness();
    bed = await startTestBed({
      startAt: '2026-05-09T17:00:00Z',
      rateLimit: false,
      environment: { AUDIT_WITNESS_URL: witness.url, MAINTENANCE_CRON: '* * * * *' },
    });
    bed.keepSecret('the witness’s token', 'canary-witness');
    await bed.enrol(bed.slack.people.superadmin.id);
  });
  afterEach(async () => {
    await bed.close();
    await witness.close();
  });

  const seals = () =>
    bed.rows.query<{ number: string; hash: string; signature: string; public_key: string; n: number }>(
      'select number, hash, signature, public_key, cardinality(event_ids) as n from flag_promotions.audit_seals order by number',
    );
  const get = async (path: string) => (await fetch(`${bed.baseUrl}${path}`)).text();
  async function alert(): Promise<void> {
    await bed.rows.insertDeploying();
    await bed.app.tick();
  }
  async function complete(): Promise<void> {
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
  }
  const resolve = () => alert().then(complete);

  const OWED = `select kind from flag_promotions.messages where state = 'pending' or wanted > shown`;
  const whileNothingIsSealed = (work: () => Promise<void>) =>
    whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'lock table flag_promotions.audit_seals in share mode',
      work,
    );

  test('a stop seals the last decision and shows its seal', async () => {
    let stopped: Promise<void> | null = null;
    await alert();
    await whileNothingIsSealed(async () => {
      await complete();
      await eventually(async () => expect(await bed.rows.query(OWED)).toEqual([]));
      stopped = bed.app.stop();
      await eventually(() => expect(fetch(`${bed.baseUrl}/healthz`)).rejects.toThrow());
      await sleep(200);
    });
    await stopped;
    const replies = await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts);
    expect(replies.at(-1)?.text).toMatch(/Sealed: `\d+:[\da-f]{12}`/u);
    expect(await bed.rows.query(OWED)).toEqual([]);
  });

  test('a resolution’s reply and log line name its seal, which the command line takes', async () => {
    await resolve();
    await eventually(async () => {
      const [sealed] = await bed.rows.query<{ seal: string }>(
        `select s.number || ':' || left(s.hash, 12) as seal from flag_promotions.audit_seals s join flag_promotions.audit_log e on e.id = any(s.event_ids)
          where e.action like '%ops_complete'`,
      );
      const replies = await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts);
      expect(replies.at(-1)?.text).toContain(`Sealed: \`${sealed?.seal}\``);
      expect(
        bed.logged.some((line) => line.includes(`"seal":"${sealed?.seal}"`) && line.includes('ops_complete')),
      ).toBe(true);
    });
    const [number = '', hash = ''] =
      /Sealed: `([^`]+)`/u
        .exec((await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).at(-1)?.text ?? '')?.[1]
        ?.split(':') ?? [];
    expect(await bed.db.audit.verify({ expect: { number, hash } })).toMatchObject({ intact: true, unsealed: 0 });
  });

  test('a reply that was posted before its seal is updated once there is one', async () => {
    await alert();
    const last = async () => (await bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts)).at(-1)?.text;
    await whileNothingIsSealed(async () => {
      await complete();
      await eventually(async () => expect(await bed.rows.query(OWED)).toEqual([]));
      expect(await last()).not.toContain('Sealed');
    });
    await bed.app.tick();
    await eventually(async () => {
      const [newest] = (await seals()).slice(-1);
      const [row] = await bed.rows.query(
        `select wanted <= shown as done, detail ->> 'seal' as seal from flag_promotions.messages where kind = 'resolved'`,
      );
      expect(row).toEqual({ done: true, seal: `${newest?.number}:${newest?.hash}` });
      expect(await last()).toContain(`\`${newest?.number}:${newest?.hash.slice(0, 12)}\``);
    });
  });

  test('a witness gets each seal in order, also those that it did not take at first, and readiness says so meanwhile', async () => {
    witness.status = 503;
    await resolve();
    await eventually(async () => {
      expect(await seals()).not.toEqual([]);
      expect(witness.requests).toBeGreaterThan(0);
    });
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    expect(await get('/readyz')).toContain('of the audit log overdue');
    expect(JSON.stringify(await bed.rows.query('select * from flag_promotions.audit_witnesses'))).toContain(
      'answered 503',
    );
    witness.status = 204;
    await bed.clock.advance(20 * 60_000);
    await bed.app.tick();
    await eventually(async () => {
      const sealed = await seals();
      expect(witness.seals.map(({ number, hash, events }) => ({ number, hash, events }))).toEqual(
        sealed.map(({ number, hash, n }) => ({ number: Number(number), hash, events: n })),
      );
    });
    const { publicKey } = createAuditKeys([bed.config.totpEncryptionKey]);
    for (const { hash, signature } of witness.seals) expect(isSignature(hash, signature, publicKey)).toBe(true);
  });

  const MUTED = 'update flag_promotions.audit_witnesses set sent_to = 9000000000000000000, owed_since = null';
  const numbers = () => witness.seals.map(({ number }) => number);
  const sentTo = async () =>
    Number((await bed.rows.query<{ n: string }>('select sent_to as n from flag_promotions.audit_witnesses'))[0]?.n);
  const isSaid = () =>
    bed.logged.some((line) => line.includes('the witness was sent other seals than the database says'));

  test('a witness that the database’s owner says has everything gets each seal all the same, and the log says so', async () => {
    await resolve();
    await bed.app.tick();
    await eventually(async () => expect(numbers()).toEqual((await seals()).map(({ number }) => Number(number))));
    expect(isSaid()).toBe(false);
    const before = numbers().length;
    await bed.rows.query(MUTED);
    await bed.app.tick();
    await eventually(async () => expect(await sentTo()).toBe(before));
    expect(isSaid()).toBe(true);
    // The last one again.
    expect(numbers().slice(before)).toEqual([before]);
    await bed.db.audit.append({
      at: new Date(),
      action: 'console.flag.promotion.denied',
      actor: 'U0KRIS',
      promotionId: null,
      detail: {},
    });
    await bed.app.tick();
    await eventually(async () => expect(numbers()).toContain(before + 1));
  });

  test('a process that sent none itself sends all of them again', async () => {
    await resolve();
    await bed.app.tick();
    await eventually(async () => expect(numbers()).toEqual((await seals()).map(({ number }) => Number(number))));
    const before = numbers();
    await bed.rows.query(MUTED);
    const another = createWitness({
      url: witness.url,
      seals: bed.db.seals,
      fetch: undiciFetch,
      newOwner: () => 'another',
      elapsed: () => performance.now(),
      random: Math.random,
      log: createLogger('silent'),
    });
    await another.send();
    expect(numbers()).toEqual([...before, ...before]);
    expect(await sentTo()).toBe(before.length);
  });

  test('readiness says so while a silenced witness takes nothing', async () => {
    await resolve();
    await bed.app.tick();
    await eventually(async () => expect(await sentTo()).toBe((await seals()).length));
    witness.status = 503;
    await bed.rows.query(MUTED);
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    await bed.clock.advance(5 * 60_000);
    await bed.app.tick();
    expect(await get('/readyz')).toContain('of the audit log overdue');
  });

  test('nothing is sealed over a log whose seals are gone, and readiness says so', async () => {
    await resolve();
    await bed.app.tick();
    const replica = await bed.replica({ elapsed: () => bed.clock.now().getTime() });
    await bed.rows.query(
      'alter table flag_promotions.audit_seals disable trigger user; delete from flag_promotions.audit_seals',
    );
    await bed.rows.query('update flag_promotions.audit_witnesses set sent_to = 0, owed_since = null');
    for (let ticks = 0; ticks < 2; ticks += 1) {
      await replica.tick();
      await bed.clock.advance(5 * 60_000);
    }
    expect(await seals()).toEqual([]);
    expect(await (await fetch(`http://127.0.0.1:${replica.port}/readyz`)).text()).toContain(
      'fails in every check: seal',
    );
  });

  test('an event that somebody slips in is named, in the log, the metrics and by /readyz, and holds up nothing', async () => {
    await bed.rows.query(
      `insert into flag_promotions.audit_log (at, action, actor, detail) values (now(), 'console.flag.promotion.ops_complete', 'U0EVE', '{}')`,
    );
    await resolve();
    await bed.app.tick();
    expect(await get('/readyz')).toContain('the audit log holds what this app did not write: event 1');
    expect((await fetch(`${bed.baseUrl}/readyz`)).status).toBe(200);
    expect(await get('/metrics')).toMatch(/^flag_promotions_audit_events_refused_total 1$/mu);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: false, firstBrokenId: '1', unsealed: 0 });
  });
});
