import { randomBytes } from 'node:crypto';
import { createSecretBox, WrongKeyError } from '../../src/operators/secret-box.js';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { administer, invite, open, PUBLIC_URL, typeCode } from '../support/enrolment.js';
import { linesUnder } from '../support/reference.js';

/** The environment's key isn't the one that sealed the secrets. */
describe('a wrong TOTP_ENCRYPTION_KEY', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ startAt: '2026-05-09T17:00:00Z', environment: { PUBLIC_URL }, rateLimit: false });
  });
  afterEach(() => bed.close());

  const other = randomBytes(32);
  /** Somebody re-sealed this operator's secret with a key that the running app doesn't have. */
  const sealAnew = async () => {
    const { id } = bed.slack.people.superadmin;
    await bed.rows.query('update flag_promotions.operators set totp_secret_encrypted = $1 where slack_user_id = $2', [
      createSecretBox(other).seal('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', id),
      id,
    ]);
  };
  const ready = async () => {
    const answer = await fetch(`${bed.baseUrl}/readyz`);
    return { status: answer.status, text: await answer.text() };
  };
  const failures = () =>
    bed.rows.query<{ failures: number; locked_until: Date | null }>(
      'select totp_failed_attempts as failures, locked_until from flag_promotions.operators',
    );

  test('is refused at start, with a sentence', async () => {
    const environment = { TOTP_ENCRYPTION_KEY: other.toString('base64') };
    await expect(bed.replica({ environment })).rejects.toThrow(WrongKeyError);
    const both = { TOTP_ENCRYPTION_KEY: `${other.toString('base64')},${bed.environment['TOTP_ENCRYPTION_KEY']}` };
    expect((await bed.replica({ environment: both })).port).toBeGreaterThan(0);
  });

  test('turns /readyz red, which names nobody, and green again', async () => {
    await sealAnew();
    await eventually(async () => {
      const red = await ready();
      expect(red.status).toBe(503);
      expect(red.text).toContain('TOTP_ENCRYPTION_KEY does not open');
      expect(red.text).not.toContain(bed.slack.people.superadmin.id);
    });
    await bed.enrol(bed.slack.people.superadmin.id);
    await eventually(async () => expect(JSON.parse((await ready()).text).checks.totp_key).toBe('ok'));
  });

  test('has a sentence of its own at the submission, and counts as no wrong code however often', async () => {
    const { superadmin } = bed.slack.people;
    const id = await bed.rows.insertDeploying();
    await bed.app.tick();
    await sealAnew();
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    for (let times = 0; times < 7; times += 1) {
      const answer = JSON.stringify(await superadmin.submit({ code: `12345${times}` }));
      expect(answer).toContain('its TOTP_ENCRYPTION_KEY doesn’t open your secret');
      expect(answer).not.toContain('may have been saved');
      expect(answer).not.toContain('Wrong code');
      expect(linesUnder(bed.logged, answer)).toContainEqual(
        expect.objectContaining({ level: 'error', msg: expect.stringContaining('a code could not be checked') }),
      );
    }
    expect(await failures()).toEqual([{ failures: 0, locked_until: null }]);
    expect((await bed.db.promotions.find(id))?.state).toBe('deploying');
  });

  test('gives the reference in every form with a code, and with no other refusal', async () => {
    const { superadmin: kris } = bed.slack.people;
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state)
        values ('one', '${APP}', 'FLAG_ONE', 'marked'), ('two', '${APP}', 'FLAG_TWO', 'marked')`,
    );
    expect(JSON.stringify(await administer(kris, 'rotate', { code: '000000' }))).not.toContain('(reference');
    await kris.closeModal({ all: true });
    await sealAnew();
    const told = async () => linesUnder(bed.logged, JSON.stringify(await kris.submit({ code: '123456' })));
    for (const command of ['operators rotate', 'promote one', 'cancel two']) {
      await kris.command(command);
      await kris.waitForModal((view) => view.raw['submit'] !== null);
      expect(await told()).toContainEqual(expect.objectContaining({ level: 'error' }));
      await kris.closeModal({ all: true });
    }
    await kris.command('drill');
    await eventually(async () => expect((await bed.alert()).text).toContain('DRILL'));
    await kris.click(await bed.alert(), 'drill_completed');
    await kris.waitForModal((view) => view.raw['submit'] !== null);
    expect(await told()).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  test('makes an enrolment’s page say so, and uses nothing up', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const link = await invite(bed, superadmin, engineer, 'engineer');
    const sealed = createSecretBox(other).seal('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', engineer.id);
    await bed.rows.query('update flag_promotions.enrolments set totp_secret_encrypted = $1', [sealed]);
    for (const got of [await open(bed, link), await typeCode(bed, link, '123456')]) {
      expect([got.status, got.text.includes('TOTP_ENCRYPTION_KEY')]).toEqual([503, true]);
      const reference = /\(reference (\w{4})\)/u.exec(got.text)?.[1];
      const lines = bed.logged.map((line) => JSON.parse(line)).filter((line) => line.reference === reference);
      expect(lines).toContainEqual(
        expect.objectContaining({ level: 'error', msg: expect.stringContaining('a link could not be opened') }),
      );
    }
    expect(await bed.rows.query('select failed_attempts, state from flag_promotions.enrolments')).toEqual([
      { failed_attempts: 0, state: 'sent' },
    ]);
  });
});
