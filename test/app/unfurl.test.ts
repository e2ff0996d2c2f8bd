import { FLAG, startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const ORIGIN = 'https://flag-promotions.example.com';

describe('a promotion’s address', () => {
  let bed: TestBed;
  let id: string;
  beforeEach(async () => {
    bed = await startTestBed({ rateLimit: false, environment: { PUBLIC_URL: ORIGIN } });
    id = await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
  });
  afterEach(() => bed.close());

  const unfurls = () => bed.slack.calls.filter(({ method }) => method === 'chat.unfurl');
  const said = async (channel: string, ts: string) =>
    JSON.stringify((await bed.slack.messages(channel)).find((message) => message.ts === ts)?.attachments);

  test('is given by show', async () => {
    const { engineer } = bed.slack.people;
    await engineer.command(`show ${id}`);
    const answer = await engineer.waitForEphemeral();
    expect(JSON.stringify(answer.blocks)).toContain(`<${ORIGIN}/promotions/${id}|`);
  });

  test('unfolds to its state, even if the app is no member', async () => {
    const { engineer } = bed.slack.people;
    const { random } = bed.slack.channels;
    const ts = await engineer.say(`look: ${ORIGIN}/promotions/${id} and ${ORIGIN}/promotions/999`, { channel: random });
    await eventually(async () => expect(await said(random, ts)).toContain(FLAG));
    expect(await said(random, ts)).toContain('*deploying*');
    expect(await said(random, ts)).not.toContain('mark_completed');
    expect(unfurls()).toHaveLength(1);
    expect(Object.keys(Object(unfurls()[0]?.args['unfurls']))).toEqual([`${ORIGIN}/promotions/${id}`]);
  });

  test('shows no preview while it is only typed: nobody knows who will read it', async () => {
    const { engineer } = bed.slack.people;
    await engineer.compose(`look: ${ORIGIN}/promotions/${id}`);
    await bed.slack.eventsSettled();
    await engineer.say(`${ORIGIN}/promotions/${id}`);
    await eventually(async () => expect(unfurls()).toHaveLength(1));
    expect(unfurls()[0]?.args).toMatchObject({ channel: bed.slack.channels.alerts });
    expect(bed.logged.filter((line) => line.includes('a handler failed'))).toEqual([]);
  });

  test('a link to no promotion unfolds to nothing', async () => {
    const { engineer } = bed.slack.people;
    await engineer.say(`${ORIGIN}/promotions/0 ${ORIGIN}/promotions/${id}x ${ORIGIN}/promotions/999 ${ORIGIN}/`, {
      channel: bed.slack.channels.random,
    });
    await bed.slack.eventsSettled();
    await engineer.say(`${ORIGIN}/promotions/${id}`);
    await eventually(async () => expect(unfurls()).toHaveLength(1));
  });

  test('says in a browser where to look, and no more', async () => {
    const page = await fetch(`${bed.baseUrl}/promotions/${id}`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const text = await page.text();
    expect(text).toContain(`/flag-promotions show ${id}`);
    expect(text).not.toContain(FLAG);
    expect((await fetch(`${bed.baseUrl}/promotions/abc`)).status).toBe(404);
    expect((await fetch(`${bed.baseUrl}/promotions/${id}`, { method: 'POST' })).status).toBe(405);
  });
});

test('a channel that other workspaces read sees nothing of it, unless it is the one for alerts', async () => {
  const bed = await startTestBed({ rateLimit: false, environment: { PUBLIC_URL: ORIGIN }, sharedRandom: true });
  try {
    const id = await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    const { engineer } = bed.slack.people;
    const link = `${ORIGIN}/promotions/${id}`;
    await engineer.say(link, { channel: bed.slack.channels.random });
    expect(bed.slack.calls.filter(({ method }) => method === 'chat.unfurl')).toEqual([]);
    await engineer.say(link);
    await eventually(async () =>
      expect(bed.slack.calls.filter(({ method }) => method === 'chat.unfurl')).toHaveLength(1),
    );
    expect(JSON.stringify(bed.slack.calls.at(-1)?.args)).toContain(bed.slack.channels.alerts);
  } finally {
    await bed.close();
  }
});

test('an app that does not know its own address gives none', async () => {
  const bed = await startTestBed({ rateLimit: false });
  try {
    const id = await bed.rows.insertDeploying({ promotedAt: '2026-05-09T04:28:00Z' });
    const { engineer } = bed.slack.people;
    await engineer.command(`show ${id}`);
    expect(JSON.stringify((await engineer.waitForEphemeral()).blocks)).not.toContain('/promotions/');
  } finally {
    await bed.close();
  }
});
