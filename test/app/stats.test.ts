import { z } from 'zod';
import { APP, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { linesUnder } from '../support/reference.js';

describe('/flag-promotions stats', () => {
  let bed: TestBed;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, startAt: '2026-05-31T12:00:00Z' });
    await bed.rows.query(
      `insert into console_flag_promotions (flag_key, heroku_app, config_var, state, promoted_at, deployed_at)
        select 'flag_' || n, '${APP}', 'FLAG_' || n, 'deployed', '2026-05-20T10:00:00Z', timestamptz '2026-05-20T10:00:00Z' + n * interval '1 minute'
          from generate_series(1, 9) n`,
    );
    await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const ask = (text: string, person = bed.slack.people.engineer) => person.ask(text);

  const charted = (person = bed.slack.people.engineer) =>
    person.waitForEphemeral((message) => JSON.stringify(message.blocks).includes('slack_file'));

  test('shows a chart in the answer, to nobody else', async () => {
    await ask('stats');
    const image = z
      .object({ type: z.literal('image'), slack_file: z.object({ id: z.string() }), alt_text: z.string() })
      .parse((await charted()).blocks[0]);
    expect(image.alt_text).toContain('10 in all, 1 stuck');
    const png = bed.slack.fileBytes(image.slack_file.id);
    expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
    const shared = bed.slack.calls.filter(({ method }) => method === 'files.completeUploadExternal');
    expect(shared.map(({ args }) => args['channel_id'])).toEqual([undefined]);
  });

  test.each(['files.getUploadURLExternal', 'upload', 'files.completeUploadExternal'])(
    'has the figures all the same if Slack refuses the chart: %s',
    async (method) => {
      bed.slack.faults.add({ method, kind: 'status', status: 500 });
      expect(JSON.stringify((await ask('stats')).blocks)).toContain('*Promoted*: 10');
      await eventually(async () => expect(bed.logged.join('')).toContain('a chart could not be stored'));
      expect(bed.slack.people.engineer.ephemerals()).toHaveLength(1);
    },
  );

  test('shows anybody how promotions went', async () => {
    const shown = JSON.stringify((await ask('stats')).blocks);
    expect(shown).toContain('*Promoted*: 10, 1 still deploying');
    expect(shown).toContain('*Stuck*: 1 (10 %)');
    expect(shown).toContain('*Deploying*: median 5 min, p95 8 min 36 s');
    await charted();
    expect(JSON.stringify((await ask('stats 1d')).text)).toContain(': none.');
  });

  test('are posted with a chart, for an operator who asks for it', async () => {
    const { superadmin, engineer } = bed.slack.people;
    const refused = await ask('stats');
    await charted();
    await engineer.click(refused, 'stats_chart');
    await engineer.waitForEphemeral((message) => message.text.includes('Only an operator can post figures'));

    const figures = await ask('stats 4w', superadmin);
    await charted(superadmin);
    await superadmin.click(figures, 'stats_chart');
    await superadmin.waitForEphemeral((message) => message.text.includes('Posted to'));
    const posted = (await bed.slack.messages(bed.slack.channels.alerts)).at(-1);
    expect(posted?.text).toContain('*Promoted*: 10');
    const begun = bed.slack.calls.filter(({ method }) => method === 'files.getUploadURLExternal').at(-1);
    expect(begun?.args).toMatchObject({
      filename: 'promotions-2026-05-31-28d.png',
      alt_txt: expect.stringContaining('10 in all, 1 stuck'),
    });
    const files = bed.slack.calls.filter(
      ({ method, args }) => method === 'files.completeUploadExternal' && args['channel_id'] !== undefined,
    );
    expect(files).toHaveLength(1);
    const [file] = z.array(z.object({ id: z.string() })).parse(files[0]?.args['files']);
    expect(
      bed.slack
        .fileBytes(file?.id ?? '')
        .subarray(1, 4)
        .toString('latin1'),
    ).toBe('PNG');
  });

  test('say so if Slack does not tell whether it took the chart', async () => {
    const { superadmin } = bed.slack.people;
    const figures = await ask('stats', superadmin);
    await charted(superadmin);
    bed.slack.faults.add({ method: 'files.completeUploadExternal', times: 1, kind: 'reset_before' });
    await superadmin.click(figures, 'stats_chart');
    const said = await superadmin.waitForEphemeral((message) => message.text.includes('did not say'));
    expect(said.text).toContain('before you post it again');
    expect(linesUnder(bed.logged, said.text)).toContainEqual(
      expect.objectContaining({ msg: 'Slack did not say whether it took a chart', err: expect.anything() }),
    );
  });
});

describe('/flag-promotions', () => {
  let bed: TestBed;
  beforeAll(async () => {
    bed = await startTestBed({ rateLimit: false });
  });
  afterAll(() => bed.close());

  test.each([
    'stats yesterday',
    'stats 0d',
    'stats 367d',
    'stats -3d',
    'stats 30',
    'stats 9999d',
    'stats 0w',
    'stats 1.5d',
    'stats 30d extra',
    'stats <!channel>',
  ])('%s is no period', async (text) => {
    expect((await bed.slack.people.engineer.ask(text)).text).toContain('/flag-promotions stats 30d');
  });
});
