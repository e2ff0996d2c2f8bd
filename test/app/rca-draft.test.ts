import { z } from 'zod';
import { startTestBed, type TestBed, type TestBedOptions } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { FACTS } from '../support/original-rca.js';
import { linesUnder } from '../support/reference.js';

const APP = 'raxx-console-prod';
const CONFIG_VAR = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

let bed: TestBed;
let promotionId: string;
/** The version of the release that set the variable. */
let liveSince: number;
afterEach(() => bed.close());

/** The incident as it was on 05-11: the app's first look finds it. */
async function start(options: TestBedOptions = {}): Promise<void> {
  bed = await startTestBed({
    rateLimit: false,
    startAt: '2026-05-11T14:18:00Z',
    vars: {},
    databaseClockStands: true,
    ...options,
  });
  liveSince = bed.heroku.seedRelease({
    app: APP,
    at: new Date('2026-05-09T04:28:31Z'),
    user: 'kris@raxx.example',
    description: `Set ${CONFIG_VAR} config vars`,
    vars: { [CONFIG_VAR]: 'true' },
  }).version;
  promotionId = await bed.rows.insertDeploying();
}

async function alerted(options: TestBedOptions = {}): Promise<void> {
  await start(options);
  await bed.app.tick();
}

async function resolve(): Promise<void> {
  const { superadmin } = bed.slack.people;
  await bed.clock.set('2026-05-11T14:21:43Z');
  await superadmin.click(await bed.alert(), 'mark_completed');
  await superadmin.waitForModal();
  expect((await superadmin.submit({ code: bed.code(superadmin.id), note: 'Only the write was lost.' })).kind).toBe(
    'closed',
  );
}

const files = z.array(z.object({ id: z.string(), name: z.string() })).default([]);

interface Shared {
  readonly id: string;
  readonly name: string;
  readonly text: string;
}

/** The files shared in the alert's thread or, without a thread, in the channel. */
async function drafts(threadTs: string | null): Promise<readonly Shared[]> {
  const channel = bed.slack.channels.alerts;
  const messages = threadTs === null ? await bed.slack.messages(channel) : await bed.slack.thread(channel, threadTs);
  return messages.flatMap(({ raw, text }) => files.parse(raw['files']).map((file) => ({ ...file, text })));
}
const inThread = async () => drafts((await bed.alert()).ts);
const recorded = async () => (await bed.db.promotions.find(promotionId))?.rcaUrl ?? null;
const draft = () => bed.slack.people.superadmin.command(`rca draft ${promotionId}`);
const answered = (words: string) => bed.slack.people.superadmin.waitForEphemeral(({ text }) => text.includes(words));

async function openModal(): Promise<void> {
  const { superadmin } = bed.slack.people;
  await superadmin.click(await bed.alert(), 'open_rca');
  await superadmin.waitForModal();
}
const modalSays = (words: string) =>
  bed.slack.people.superadmin.waitForModal(({ blocks }) => JSON.stringify(blocks).includes(words));

describe('the incident’s own data, through the whole app', () => {
  test('makes a draft with every fact of the original that a system can know', async () => {
    await alerted();
    await resolve();
    await draft();
    await answered('is in the alert’s thread');
    const [file] = await inThread();
    expect(file).toMatchObject({
      name: '2026-05-11-stuck-flag-promotion-console-heroku-log-drain-alerting.md',
      text: expect.stringContaining('Draft of the RCA of `console_heroku_log_drain_alerting`'),
    });
    const markdown = bed.slack.fileContent(file?.id ?? '');
    for (const fact of FACTS) {
      if ('draft' in fact) expect(markdown).toContain(fact.draft.replaceAll('v42', `v${liveSince}`));
      else expect(markdown).not.toContain(fact.original);
    }
    expect(markdown).toContain('by `kris@raxx.example`');
  });

  test('the draft quotes what others wrote in the thread, and what the app said there once', async () => {
    await alerted();
    const { superadmin, engineer } = bed.slack.people;
    const threadTs = (await bed.alert()).ts;
    await superadmin.say(`<@${engineer.id}> the *worker* was killed <https://status.example|status>`, { threadTs });
    await draft();
    await answered('is in the alert’s thread');
    await draft();
    await eventually(async () => expect(await inThread()).toHaveLength(2));
    const [, second] = await inThread();
    const markdown = bed.slack.fileContent(second?.id ?? '');
    expect(markdown).toContain('`kris` wrote `@sam the *worker* was killed status (https://status.example)`');
    expect(markdown).not.toContain('Draft of the RCA');
    expect(markdown).toContain('Not resolved yet.');
  });
});

describe('Draft RCA in the modal', () => {
  test('clicked twice, makes one file; asked for again later, another', async () => {
    await alerted();
    await openModal();
    const { superadmin } = bed.slack.people;
    await Promise.all([superadmin.clickInModal('draft_rca'), superadmin.clickInModal('draft_rca')]);
    await modalSays('is in the alert’s thread');
    await bed.app.tick();
    expect(await inThread()).toHaveLength(1);
    await draft();
    await answered('is in the alert’s thread');
    expect(await inThread()).toHaveLength(2);
  });

  test('uploads into the thread, says where, and records nothing unless ticked', async () => {
    await alerted();
    await openModal();
    await bed.slack.people.superadmin.clickInModal('draft_rca');
    const modal = await modalSays('is in the alert’s thread');
    expect(JSON.stringify(modal.blocks)).not.toContain('(reference');
    const [file] = await inThread();
    expect(JSON.stringify(modal.blocks)).toContain(`/${file?.id}/`);
    expect(await recorded()).toBeNull();
  });

  test('ticked, its address becomes the RCA, and the alert links it', async () => {
    await alerted();
    await openModal();
    const { superadmin } = bed.slack.people;
    superadmin.fill({ record_draft: ['confirmed'] });
    await superadmin.clickInModal('draft_rca');
    await modalSays('recorded as the RCA');
    const [file] = await inThread();
    expect(await recorded()).toMatch(
      new RegExp(`^https://raxx\\.slack\\.com/files/U\\w+/${file?.id}/2026-05-11-`, 'u'),
    );
    await eventually(async () => expect(JSON.stringify(await bed.alert())).toContain(`/${file?.id}/`));
    const [event] = await bed.rows.query(
      `select actor, detail from flag_promotions.audit_log where action like '%rca_linked'`,
    );
    expect(event).toMatchObject({ actor: superadmin.id, detail: { url: await recorded(), previous_url: null } });
  });

  test('ticked, it replaces no RCA that somebody linked meanwhile', async () => {
    await alerted();
    await openModal();
    const { superadmin } = bed.slack.people;
    superadmin.fill({ record_draft: ['confirmed'] });
    const url = 'https://docs.raxx.example/rca';
    await bed.db.promotions.linkRca({ promotionId, url, operatorId: superadmin.id, at: bed.clock.now() });
    await superadmin.clickInModal('draft_rca');
    await modalSays('an RCA is already linked');
    expect(await recorded()).toBe(url);
  });

  test('offers no tick if an RCA is linked', async () => {
    await alerted();
    await openModal();
    expect(JSON.stringify(bed.slack.people.superadmin.modal()?.blocks)).toContain('record_draft');
    await bed.slack.people.superadmin.closeModal();
    const url = 'see the wiki';
    await bed.rows.query('update console_flag_promotions set rca_url = $1', [url]);
    await openModal();
    expect(JSON.stringify(bed.slack.people.superadmin.modal()?.blocks)).not.toContain('record_draft');
  });

  test('RCA_URL_HOSTS without Slack’s: the draft is there, and is not recorded', async () => {
    await alerted({ environment: { RCA_URL_HOSTS: 'docs.raxx.example' } });
    await openModal();
    bed.slack.people.superadmin.fill({ record_draft: ['confirmed'] });
    await bed.slack.people.superadmin.clickInModal('draft_rca');
    await modalSays('RCAs can only be linked on docs.raxx.example');
    expect(await inThread()).toHaveLength(1);
    expect(await recorded()).toBeNull();
  });

  test('takes an operator at the click, whatever they were when the modal opened', async () => {
    await alerted();
    await openModal();
    const { superadmin } = bed.slack.people;
    await bed.db.operators.disable(superadmin.id, bed.clock.now());
    await superadmin.clickInModal('draft_rca');
    await modalSays('Only an operator can link or draft an RCA.');
    expect(await inThread()).toEqual([]);
  });
});

describe('/flag-promotions rca draft', () => {
  test('answers with a button that records the draft once', async () => {
    await alerted();
    await draft();
    const answer = await answered('is in the alert’s thread');
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await superadmin.click(answer, 'record_rca_draft');
    await answered('is recorded as the RCA');
    const url = await recorded();
    expect(url).toContain('https://raxx.slack.com/files/');
    expect(superadmin.ephemerals().some((message) => JSON.stringify(message).includes('record_rca_draft'))).toBe(false);
    // A second person's button makes their own draft and replaces nothing.
    await bed.enrol(secondSuperadmin.id);
    await secondSuperadmin.command(`rca draft ${promotionId}`);
    const second = await secondSuperadmin.waitForEphemeral(
      ({ text }) => text.includes('is in the alert’s thread'),
      15_000,
    );
    expect(JSON.stringify(second)).not.toContain('record_rca_draft');
  });

  test('by flag key; without one, and for one that is not there, says how', async () => {
    await alerted();
    const { superadmin } = bed.slack.people;
    await superadmin.command('rca draft console_heroku_log_drain_alerting');
    await answered('is in the alert’s thread');
    await superadmin.command('rca draft');
    await answered('Which promotion?');
    await superadmin.command('rca draft nope');
    await answered('There is no promotion `nope`');
    expect(await inThread()).toHaveLength(1);
  });

  test('people without an operator’s role get none', async () => {
    await alerted();
    const { engineer, externalUser } = bed.slack.people;
    await engineer.command(`rca draft ${promotionId}`);
    expect((await engineer.waitForEphemeral()).text).toContain('Only an operator can link or draft an RCA.');
    await externalUser.command(`rca draft ${promotionId}`);
    expect((await externalUser.waitForEphemeral()).text).toContain('own workspace');
    expect(await inThread()).toEqual([]);
  });

  test('more at once than a channel takes: who waited in vain is told to try again, and nothing is wrong', async () => {
    await start({ rateLimit: true });
    const { superadmin } = bed.slack.people;
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await bed.rows.insertDeploying({ flagKey: `flag_${n}` }));
    for (const id of ids) await superadmin.command(`rca draft ${id}`);
    await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(ids.length));
    const said = superadmin.ephemerals().map(({ text }) => text);
    const inVain = said.filter((text) => text.includes('Try again in a minute'));
    expect(inVain.length).toBeGreaterThan(0);
    expect(inVain.length).toBeLessThan(ids.length);
    expect(await drafts(null)).toHaveLength(ids.length - inVain.length);
    expect(bed.logged.filter((line) => /"level":"error"/u.test(line))).toEqual([]);
  });

  test('a promotion that never alerted: the draft goes to the channel, and says which promotion it is', async () => {
    await start({ startAt: '2026-05-09T05:00:00Z' });
    await draft();
    await answered('in the alert channel');
    const [file] = await drafts(null);
    expect(file?.text).toContain(`(promotion ${promotionId}, no alert here)`);
    expect(bed.slack.fileContent(file?.id ?? '')).toContain('no alert was opened');
  });

  test('an alert whose message was deleted: the same', async () => {
    await alerted();
    await bed.slack.deleteMessage(bed.slack.channels.alerts, (await bed.alert()).ts);
    await draft();
    await answered('in the alert channel');
    expect(await drafts(null)).toHaveLength(1);
  });

  test('with Heroku failing, the draft says so', async () => {
    await alerted();
    bed.heroku.faults.add({ fault: { kind: 'status', status: 503 } });
    await draft();
    await answered('is in the alert’s thread');
    const [file] = await inThread();
    expect(bed.slack.fileContent(file?.id ?? '')).toContain('Heroku did not answer');
  });

  test('without a key for Heroku, and with a thread that cannot be read, it says so', async () => {
    await alerted({ withoutHeroku: true });
    bed.slack.faults.add({ method: 'conversations.replies', times: 1, kind: 'status', status: 500 });
    await draft();
    await answered('is in the alert’s thread');
    const [file] = await inThread();
    const markdown = bed.slack.fileContent(file?.id ?? '');
    expect(markdown).toContain('no HEROKU_API_KEY');
    expect(markdown).toContain('Slack did not answer');
  });

  test('with a thread of which Slack says that there is more, and not where, it says so', async () => {
    await alerted();
    const body = JSON.stringify({ ok: true, messages: [], has_more: true });
    bed.slack.faults.add({ method: 'conversations.replies', times: 1, kind: 'body', body });
    await draft();
    await answered('is in the alert’s thread');
    const [file] = await inThread();
    expect(bed.slack.fileContent(file?.id ?? '')).toContain('The thread’s newest messages were not read');
  });

  test('no value that may be a secret gets into the file', async () => {
    await alerted({ vars: { DATABASE_URL: 'postgres://canary-other-var' } });
    await bed.rows.query(
      `update console_flag_promotions set target_value = 'canary-target', previous_value = 'canary-previous'`,
    );
    bed.heroku.setVar(APP, CONFIG_VAR, 'canary-value');
    await draft();
    await answered('is in the alert’s thread');
    const [file] = await inThread();
    expect(bed.slack.fileContent(file?.id ?? '')).not.toContain('canary');
    expect(bed.logged.join('')).not.toContain('canary');
  });
});

describe('each call to Slack fails in its way', () => {
  const SILENT = expect.objectContaining({
    level: 'warn',
    msg: 'Slack did not say what became of a draft',
    err: expect.anything(),
  });
  const attempts = (method: string) => bed.slack.calls.filter((call) => call.method === method).length;

  test.each([
    ['files.getUploadURLExternal', { kind: 'status', status: 500 }],
    ['files.getUploadURLExternal', { kind: 'reset_after' }],
    ['upload', { kind: 'status', status: 500 }],
    ['upload', { kind: 'reset_after' }],
    ['files.completeUploadExternal', { kind: 'error', error: 'channel_not_found' }],
    ['files.completeUploadExternal', { kind: 'rate_limited', retryAfterSeconds: 30 }],
  ] as const)('%s %j: nothing is shared, nothing is sent twice, and that is said', async (method, fault) => {
    await alerted();
    bed.slack.faults.add({ method, times: 1, ...fault });
    await draft();
    await answered('Nothing was changed');
    expect(await inThread()).toEqual([]);
    expect(attempts(method)).toBe(1);
  });

  test('a share whose answer got lost is found by looking', async () => {
    await alerted();
    bed.slack.faults.add({ method: 'files.completeUploadExternal', times: 1, kind: 'reset_after' });
    await draft();
    await answered('is in the alert’s thread');
    expect(await inThread()).toHaveLength(1);
    expect(attempts('files.completeUploadExternal')).toBe(1);
  });

  test.each([
    ['that never came', [{ method: 'files.completeUploadExternal', kind: 'reset_before' }]],
    [
      'that nobody can look up',
      [
        { method: 'files.completeUploadExternal', kind: 'reset_after' },
        { method: 'files.info', kind: 'status', status: 500 },
      ],
    ],
  ] as const)('a share %s is not claimed', async (_, faults) => {
    await alerted();
    for (const fault of faults) bed.slack.faults.add({ times: 1, ...fault });
    await draft();
    const { text } = await answered('Slack did not say whether it took the draft');
    expect(linesUnder(bed.logged, text)).toContainEqual(SILENT);
    // Asking again, as the answer says, does no harm.
    await draft();
    await answered('is in the alert’s thread');
  });

  test('a file whose address Slack does not tell is shared, and not recorded', async () => {
    await alerted();
    bed.slack.faults.add({ method: 'files.info', times: 1, kind: 'status', status: 500 });
    await openModal();
    bed.slack.people.superadmin.fill({ record_draft: ['confirmed'] });
    await bed.slack.people.superadmin.clickInModal('draft_rca');
    const modal = await modalSays('did not give its link');
    expect(linesUnder(bed.logged, JSON.stringify(modal.blocks))).toContainEqual(SILENT);
    expect(await inThread()).toHaveLength(1);
    expect(await recorded()).toBeNull();
  });

  test('a draft that the database doesn’t record is shared, and says so with the reference', async () => {
    await alerted();
    await openModal();
    bed.slack.people.superadmin.fill({ record_draft: ['confirmed'] });
    await bed.rows.query('alter table console_flag_promotions add constraint no_rca check (rca_url is null)');
    await bed.slack.people.superadmin.clickInModal('draft_rca');
    const modal = await modalSays('It was not recorded: saving failed.');
    expect(linesUnder(bed.logged, JSON.stringify(modal.blocks))).toContainEqual(
      expect.objectContaining({ level: 'error', msg: 'a draft could not be recorded as the RCA' }),
    );
    expect(await inThread()).toHaveLength(1);
  });

  test('in the modal, a failure is said in its place', async () => {
    await alerted();
    await openModal();
    bed.slack.faults.add({ method: 'upload', times: 1, kind: 'status', status: 500 });
    await bed.slack.people.superadmin.clickInModal('draft_rca');
    await modalSays('Nothing was changed');
  });
});
