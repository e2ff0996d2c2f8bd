import type { SentRequest } from '../../demo/slack/http-delivery.js';
import { signed } from '../chaos/signed.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';

/* Slack's requests take effect once, however often they arrive, and at whichever replica. */

let bed: TestBed;
let ports: readonly number[];
afterEach(() => bed.close());

async function start(): Promise<void> {
  bed = await startTestBed({ startAt: '2026-05-10T05:00:00Z', rateLimit: false });
  const another = await bed.replica();
  ports = [bed.app.port, another.port];
}
/** Slack's last request that contains this. */
function sent(part: string): SentRequest {
  const last = bed.slack.http?.sent.findLast(({ body }) => body.includes(part));
  if (last === undefined) throw new Error('Nothing was sent yet.');
  return last;
}
/** Exactly that again, three times to each replica, all at once. */
const replayed = ({ headers, body }: SentRequest) =>
  Promise.all(
    [...ports, ...ports, ...ports].map(async (port) => {
      const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, { method: 'POST', headers, body });
      return { status: answer.status, text: await answer.text() };
    }),
  );
/** As Slack signs it, this many seconds ago. */
function signedAnew(body: string, secondsAgo = 0): SentRequest {
  const { headers } = signed(body, bed.slack.signingSecret, new Date(Date.now() - secondsAgo * 1_000));
  return { headers: Object.fromEntries(new Headers(headers)), body };
}
const refusedTwice = async () => {
  const texts = await Promise.all(ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()));
  return texts
    .map((text) => /^flag_promotions_slack_requests_refused_total\{reason="twice"\} (\d+)$/mu.exec(text)?.[1] ?? 0)
    .reduce<number>((sum, count) => sum + Number(count), 0);
};

describe('over HTTP', () => {
  beforeEach(start);

  test('six replays of “Post with chart” post one chart', async () => {
    await bed.rows.insertDeploying();
    const { superadmin } = bed.slack.people;
    await superadmin.command('stats 30d');
    const figures = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart'));
    await superadmin.click(figures, 'stats_chart');
    await superadmin.waitForEphemeral(({ text }) => text.includes('Posted'));
    const answers = await replayed(sent('stats_chart'));
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: '' })));
    // What a replay started would be there by the time this is answered.
    await superadmin.command('help');
    await superadmin.waitForEphemeral(({ text }) => text.includes('what is stuck'));
    const uploads = bed.slack.calls.filter(({ method }) => method === 'files.completeUploadExternal');
    expect(uploads.filter(({ args }) => JSON.stringify(args).includes(bed.slack.channels.alerts))).toHaveLength(1);
    expect(await refusedTwice()).toBe(6);
  });

  test('of six that come at once, none of them first, one has its effect', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command('help');
    const { body } = sent('text=help');
    await replayed(signedAnew(body.replace('text=help', 'text=mark+new_flag+raxx-console-prod')));
    await eventually(async () => {
      expect(await bed.rows.query(`select 1 from console_flag_promotions where flag_key = 'new_flag'`)).toHaveLength(1);
    });
    expect(await refusedTwice()).toBe(5);
  });

  test('a form that arrives twice says so: to close would mean that it was saved', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'mark_completed');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: '000000' })).kind).toBe('errors');
    for (const { status, text } of await replayed(sent('view_submission'))) {
      expect(status).toBe(200);
      expect(JSON.parse(text)).toMatchObject({ response_action: 'update' });
      expect(text).toContain('arrived twice');
    }
    expect(
      await bed.rows.query(`select 1 from flag_promotions.audit_log where action like '%totp_rejected'`),
    ).toHaveLength(1);
    await superadmin.submit({ code: bed.code(superadmin.id) });
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
  });

  test('an event that Slack sends again, with a new signature, has its effect once', async () => {
    await bed.rows.insertDeploying();
    await bed.app.tick();
    const { superadmin } = bed.slack.people;
    const said = { threadTs: (await bed.alert()).ts };
    await superadmin.say(`<@${bed.slack.botUserId}> https://docs.example.com/rca`, said);
    await superadmin.waitForEphemeral(({ text }) => text.includes('Linked as the RCA'));
    const mentions = (bed.slack.http?.sent ?? []).filter(({ body }) => body.includes('"app_mention"'));
    expect(mentions).toHaveLength(1);
    const before = superadmin.ephemerals().length;
    for (const seconds of [1, 2, 3]) {
      const again = signedAnew(mentions[0]?.body ?? '', seconds);
      const headers = { ...again.headers, 'content-type': 'application/json' };
      for (const { status } of await replayed({ ...again, headers })) expect(status).toBe(200);
    }
    await superadmin.command('help');
    await superadmin.waitForEphemeral(({ text }) => text.includes('what is stuck'));
    expect(superadmin.ephemerals()).toHaveLength(before + 1);
  });

  test('the tick forgets what can’t come again', async () => {
    await bed.slack.people.superadmin.command('help');
    const kept = () => bed.rows.query('select 1 from flag_promotions.taken_requests');
    expect((await kept()).length).toBeGreaterThan(0);
    await bed.app.tick();
    expect((await kept()).length).toBeGreaterThan(0);
    await bed.clock.advance(20 * 60_000);
    await bed.app.tick();
    expect(await kept()).toEqual([]);
  });
});

describe('with the database away for a replica', () => {
  let wire: TcpProxy;
  afterEach(() => wire.close());

  test('a click is answered there, and later it is known everywhere', async () => {
    await start();
    const url = new URL(bed.environment['DATABASE_URL'] ?? '');
    wire = await startTcpProxy({ host: url.hostname, port: Number(url.port) });
    url.hostname = '127.0.0.1';
    url.port = String(wire.port);
    const behindTheWire = await bed.replica({ environment: { DATABASE_URL: url.href } });
    bed.slack.connectHttp(`http://127.0.0.1:${behindTheWire.port}/slack/events`);
    wire.cut();
    const { superadmin } = bed.slack.people;
    await superadmin.command('mark new_flag raxx-console-prod');
    await superadmin.waitForEphemeral(({ text }) => text.includes('The database does not answer'));
    const marking = sent('text=mark');
    wire.mend();
    await eventually(async () => {
      const before = superadmin.ephemerals().length;
      await superadmin.command('list');
      await eventually(async () => expect(superadmin.ephemerals().length).toBeGreaterThan(before));
      expect(superadmin.ephemerals().at(-1)?.text).not.toContain('does not answer');
    });
    await replayed(marking);
    expect(await refusedTwice()).toBe(6);
    expect(await bed.rows.query('select 1 from console_flag_promotions')).toEqual([]);
  });
});

test('over Socket Mode, an envelope that comes again is acknowledged, and its event has its effect once', async () => {
  bed = await startTestBed({ rateLimit: false, startAt: '2026-05-10T05:00:00Z', socketMode: true });
  ports = [bed.app.port];
  const { superadmin } = bed.slack.people;
  const { socketMode } = bed.slack;
  const command = {
    command: '/flag-promotions',
    text: 'mark new_flag raxx-console-prod',
    user_id: superadmin.id,
    team_id: bed.slack.teamId,
    channel_id: bed.slack.channels.alerts,
    trigger_id: '1.1',
    response_url: `${new URL(bed.slack.apiUrl).origin}/response/none`,
  };
  const opened = (id: string) => ({
    type: 'event_callback',
    team_id: bed.slack.teamId,
    event_id: id,
    event: { type: 'app_home_opened', user: superadmin.id, tab: 'home', channel: 'D1', event_ts: '1.1' },
  });
  const frames: readonly (readonly [string, string, unknown])[] = [
    ['e1', 'slash_commands', command],
    ['e1', 'slash_commands', command],
    ['e2', 'events_api', opened('Ev1')],
    ['e3', 'events_api', opened('Ev1')],
  ];
  for (const [id, type, payload] of frames) {
    socketMode.sendFrame(JSON.stringify({ envelope_id: id, type, payload, accepts_response_payload: true }));
  }
  await eventually(async () => expect(socketMode.acknowledged.toSorted()).toEqual(['e1', 'e1', 'e2', 'e3']));
  await eventually(async () => {
    expect(await bed.rows.query('select flag_key from console_flag_promotions')).toEqual([{ flag_key: 'new_flag' }]);
  });
  expect(await refusedTwice()).toBe(2);
});
