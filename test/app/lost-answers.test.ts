import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { whileHolding } from '../support/locks.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/* The server commits, and the connection breaks before the app learns of it: what people are told then must be true. */

const RCA = 'https://docs.raxx.example/rca/2026-05-11';
/** The server's CommandComplete for a commit. */
const COMMITTED = 'COMMIT\0';

describe('a commit whose answer got lost', () => {
  let bed: TestBed;
  let wire: TcpProxy;
  let promotionId: string;

  beforeEach(async () => {
    bed = await startTestBed({
      startAt: '2026-05-10T05:00:00Z',
      rateLimit: false,
      patience: 1,
      environment: { PUBLIC_URL: 'https://flags.raxx.example' },
    });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.hostname = '127.0.0.1';
    url.port = String(wire.port);
    const { port } = await bed.replica({ environment: { DATABASE_URL: url.href } });
    bed.slack.connectHttp(`http://127.0.0.1:${port}/slack/events`);
  });
  afterEach(async () => {
    await bed.close();
    await wire.close();
  });

  const kris = () => bed.slack.people.superadmin;
  const shown = () => JSON.stringify(kris().modal()?.blocks);
  async function told(act: () => Promise<unknown>): Promise<string> {
    const before = kris().ephemerals().length;
    await act();
    await eventually(async () => expect(kris().ephemerals().length).toBeGreaterThan(before));
    return kris().ephemerals().at(-1)?.text ?? '';
  }
  const audited = async (like: string) =>
    (await bed.rows.query('select id from flag_promotions.audit_log where action like $1', [like])).length;
  /** Submits while somebody else locks the operators until `until` resolves, and in any case as long as Slack waits. */
  const submitLate = (fields: Readonly<Record<string, string>>, until: () => Promise<void> = async () => undefined) =>
    whileHolding(
      { url: bed.environment['DATABASE_URL'] ?? '' },
      'select 1 from flag_promotions.operators for update',
      async () => {
        expect((await kris().submit({ ...fields, code: bed.code(kris().id) })).kind).toBe('updated');
        await until();
      },
    );

  test('of a command is not called unchanged, and the command can be given again', async () => {
    const link = () => kris().command(`rca ${promotionId} ${RCA}`);
    wire.loseAnswer(COMMITTED);
    const said = await told(link);
    expect(said).toContain('It may have been saved; check: `/flag-promotions show &lt;id | flag-key&gt;`');
    expect(said).not.toContain('Nothing was changed');
    expect(await bed.rows.query('select rca_url from console_flag_promotions')).toEqual([{ rca_url: RCA }]);
    expect(await told(link)).toContain('That is already the RCA');
    expect(await audited('%rca_linked')).toBe(1);
  });

  test('of a mark, which is one statement, neither', async () => {
    const mark = () => kris().command(`mark dark_mode ${APP} true`);
    // The flag's key, which only this answer has: a promoter that looks for work names the same columns.
    wire.loseAnswer('dark_mode');
    expect(await told(mark)).toContain('It may have been saved');
    expect(await told(mark)).toContain('*already marked*');
    expect(await audited('%marked')).toBe(1);
  });

  test('of a click neither', async () => {
    const take = async () => kris().click(await bed.alert(), 'acknowledge');
    wire.loseAnswer(COMMITTED);
    expect(await told(take)).toContain('It may have been saved');
    expect(await bed.rows.query('select owner from flag_promotions.attention')).toEqual([{ owner: kris().id }]);
    expect(await told(take)).toContain('already');
  });

  test('of a form says that nobody knows, and the form can be submitted again', async () => {
    await kris().click(await bed.alert(), 'open_rca');
    await kris().waitForModal();
    wire.loseAnswer(COMMITTED);
    expect(await kris().submit({ rca_url: RCA })).toMatchObject({
      kind: 'errors',
      errors: { rca_url: expect.stringContaining('It may have been saved') },
    });
    expect((await kris().submit({ rca_url: RCA })).kind).toBe('closed');
    expect(await audited('%rca_linked')).toBe(1);
  });

  test('of recording a draft as the RCA does not make the draft look as if it was not there', async () => {
    await kris().click(await bed.alert(), 'open_rca');
    await kris().waitForModal();
    kris().fill({ record_draft: ['confirmed'] });
    wire.loseAnswer(COMMITTED);
    await kris().clickInModal('draft_rca');
    await eventually(async () => expect(shown()).toContain('It may have been recorded'));
    expect(shown()).toContain('is in the alert’s thread');
    expect((await bed.rows.query('select rca_url from console_flag_promotions'))[0]).toMatchObject({
      rca_url: expect.stringContaining('https://'),
    });
  });

  test('of a resolution and of a promotion, when Slack waits no more, is recognised at the next try', async () => {
    await kris().click(await bed.alert(), 'mark_completed');
    await kris().waitForModal();
    wire.loseAnswer(COMMITTED);
    await submitLate({});
    await eventually(async () => expect(shown()).toContain('You already did this'));
    await eventually(async () => expect((await bed.alert()).text).toContain('*completed*'));

    await kris().closeModal();
    await bed.clock.advance(60_000);
    await told(() => kris().command(`mark dark_mode ${APP} true`));
    await kris().command('promote dark_mode');
    await kris().waitForModal();
    wire.loseAnswer(COMMITTED);
    await submitLate({});
    await eventually(async () => expect(shown()).toContain('You already did this'));
    expect(await audited('%totp_rejected')).toBe(0);
  });

  describe('when Slack waits no more, of a form that cannot recognise what it saved', () => {
    async function submittedLate(command: string, fields: Readonly<Record<string, string>>): Promise<void> {
      await kris().command(command);
      await kris().waitForModal();
      wire.loseAnswer(COMMITTED);
      await submitLate(fields);
      await eventually(async () => expect(shown()).toContain('may have been saved'));
      expect(shown()).not.toContain('Not saved');
    }

    test('says that nobody knows and where to look, and blames no code', async () => {
      const { engineer } = bed.slack.people;
      await bed.enrol(engineer.id, 'engineer');
      await bed.rows.query(`update flag_promotions.operators set totp_failed_attempts = 3 where slack_user_id = $1`, [
        engineer.id,
      ]);
      await submittedLate('operators unlock', { person: engineer.id });
      expect(shown()).toContain('Check: `/flag-promotions operators`');
      expect(await audited('%operator.unlocked')).toBe(1);
      expect(await audited('%totp_rejected')).toBe(0);
    });

    test('makes no second link, and says that nobody got the first', async () => {
      await submittedLate('operators add', { person: bed.slack.people.engineer.id });
      expect(shown()).toContain('Nobody got a link');
      expect(await bed.rows.query('select state from flag_promotions.enrolments')).toEqual([{ state: 'sent' }]);
      expect(await audited('%totp_rejected')).toBe(0);
    });
  });

  test('is not what a database did that only had too much to do: such a form is tried again', async () => {
    const { engineer } = bed.slack.people;
    await bed.enrol(engineer.id, 'engineer');
    await kris().command('operators unlock');
    await kris().waitForModal();
    // Longer than the app lets the server wait for a lock.
    await submitLate({ person: engineer.id }, () =>
      eventually(async () => expect(bed.logged.join('')).toContain('a submission could not be decided')),
    );
    await eventually(async () => expect(shown()).toContain('*Saved.*'));
    expect(await audited('%operator.unlocked')).toBe(1);
  });
});
