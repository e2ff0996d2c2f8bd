import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

const RCA = 'https://docs.raxx.example/rca/2026-05-11';
const OTHER = 'https://wiki.raxx.example/rca?id=7&v=2';

describe('linking an RCA', () => {
  let bed: TestBed;
  let promotionId: string;

  beforeEach(async () => {
    bed = await startTestBed({
      rateLimit: false,
      startAt: '2026-05-10T05:00:00Z',
      environment: { RCA_URL_HOSTS: 'raxx.example' },
    });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  });
  afterEach(() => bed.close());

  const thread = async () => bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts);
  const recorded = async () => (await bed.db.promotions.find(promotionId))?.rcaUrl ?? null;

  test('Open RCA opens a form if none is linked, and is a link if one is', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'open_rca');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ rca_url: RCA })).kind).toBe('closed');
    expect(await recorded()).toBe(RCA);
    await eventually(async () => {
      expect(JSON.stringify(await bed.alert())).toContain(`"url":"${RCA}"`);
      expect((await thread()).map((reply) => reply.text)).toEqual([expect.stringContaining(RCA)]);
    });
    expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deploying' }]);
  });

  test.each([
    ['http://docs.raxx.example/rca', 'must begin with https'],
    ['https://user:secret@docs.raxx.example/rca', 'user name or password'],
    ['https://elsewhere.example/rca', 'can only be linked on raxx.example'],
    [`https://docs.raxx.example/${'x'.repeat(2_048)}`, '2,048'],
  ])('refuses %.45s under the field, and records nothing', async (url, words) => {
    const { superadmin } = bed.slack.people;
    await superadmin.click(await bed.alert(), 'open_rca');
    await superadmin.waitForModal();
    expect(await superadmin.submit({ rca_url: url })).toMatchObject({
      kind: 'errors',
      errors: { rca_url: expect.stringContaining(words) },
    });
    expect(await recorded()).toBeNull();
  });

  test('mentioning the app with a link in the thread records it; relinking keeps the old one in the audit log', async () => {
    const { superadmin } = bed.slack.people;
    const root = await bed.alert();
    await superadmin.say(`<@${bed.slack.botUserId}> <${RCA}>`, { threadTs: root.ts });
    await superadmin.waitForEphemeral((message) => message.text.includes('Linked as the RCA'));
    expect(await recorded()).toBe(RCA);
    await superadmin.say(`<@${bed.slack.botUserId}> <${OTHER.replace('&', '&amp;')}|the new one>`, {
      threadTs: root.ts,
    });
    await superadmin.waitForEphemeral((message) => message.text.includes('It replaces'));
    expect(await recorded()).toBe(OTHER);
    const events = await bed.rows.query(
      `select actor, detail from flag_promotions.audit_log where action = 'console.flag.promotion.rca_linked' order by id`,
    );
    expect(events).toMatchObject([
      { actor: superadmin.id, detail: { url: RCA, previous_url: null } },
      { actor: superadmin.id, detail: { url: OTHER, previous_url: RCA } },
    ]);
  });

  test.each([
    ['sent to the channel too', { broadcast: true }],
    ['with a file', { as: 'file_share' }],
    ['with /me', { as: 'me_message' }],
  ] as const)('a mention, and a link, %s are a person’s like any other', async (_, how) => {
    const { superadmin } = bed.slack.people;
    const threadTs = (await bed.alert()).ts;
    await superadmin.say(`Written up: <${RCA}>`, { threadTs, ...how });
    await superadmin.waitForEphemeral((message) => message.text.includes('Is '));
    await superadmin.say(`<@${bed.slack.botUserId}> <${OTHER.replace('&', '&amp;')}>`, { threadTs, ...how });
    await superadmin.waitForEphemeral((message) => message.text.includes('Linked as the RCA'));
    expect(await recorded()).toBe(OTHER);
  });

  test('a bot’s message with such a subtype, or one that nobody wrote, is nobody’s', async () => {
    const { superadmin, otherBot } = bed.slack.people;
    const threadTs = (await bed.alert()).ts;
    const mention = `<@${bed.slack.botUserId}> <${RCA}>`;
    await otherBot.say(mention, { threadTs, broadcast: true });
    await otherBot.say(mention, { threadTs, as: 'file_share' });
    await bed.slack.eventsSettled();
    await superadmin.say(`<@${bed.slack.botUserId}> hello`, { threadTs });
    await superadmin.waitForEphemeral((message) => message.text.includes('with the link of the RCA'));
    expect(await recorded()).toBeNull();
    expect(otherBot.ephemerals()).toEqual([]);
  });

  test('a mention elsewhere, or without a link, says how it is done', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.say(`<@${bed.slack.botUserId}> hello`, { threadTs: (await bed.alert()).ts });
    await superadmin.waitForEphemeral((message) => message.text.includes('with the link of the RCA'));
    await superadmin.say(`<@${bed.slack.botUserId}> <${RCA}>`);
    await superadmin.waitForEphemeral((message) => message.text.includes('in an alert’s thread'));
    expect(await recorded()).toBeNull();
  });

  test('a link posted in the thread is offered to be linked, and one click does it', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.say(`Written up: <${RCA}>`, { threadTs: (await bed.alert()).ts });
    const offer = await superadmin.waitForEphemeral((message) => message.text.includes('Is '));
    expect(await recorded()).toBeNull();
    await superadmin.click(offer, 'accept_rca_offer');
    await eventually(async () => expect(await recorded()).toBe(RCA));
    await eventually(async () =>
      expect(superadmin.ephemerals().some((m) => m.text.includes('Linked as the RCA'))).toBe(true),
    );
    expect(superadmin.ephemerals().some((message) => JSON.stringify(message).includes('accept_rca_offer'))).toBe(false);
  });

  test('an offer can be declined, and is not made for links of hosts that are not allowed', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.say('see <https://elsewhere.example/x>', { threadTs: (await bed.alert()).ts });
    await superadmin.say(`see <${RCA}>`, { threadTs: (await bed.alert()).ts });
    const offer = await superadmin.waitForEphemeral();
    expect(offer.text).toContain(RCA);
    await superadmin.click(offer, 'decline_rca_offer');
    await eventually(async () => expect(superadmin.ephemerals()).toHaveLength(0));
    expect(await recorded()).toBeNull();
  });

  test('the shortcut on a message in the thread links at once', async () => {
    const { superadmin } = bed.slack.people;
    const ts = await superadmin.say(`RCA is at <${RCA}>`, { threadTs: (await bed.alert()).ts });
    await superadmin.messageShortcut('link_as_rca', bed.slack.channels.alerts, ts);
    await superadmin.waitForEphemeral((message) => message.text.includes('Linked as the RCA'));
    expect(await recorded()).toBe(RCA);
  });

  test('the shortcut elsewhere asks which promotion is meant', async () => {
    const { superadmin } = bed.slack.people;
    const ts = await superadmin.say(`RCA is at <${RCA}>`);
    await superadmin.messageShortcut('link_as_rca', bed.slack.channels.alerts, ts);
    await superadmin.waitForModal();
    expect((await superadmin.submit({ promotion: promotionId, rca_url: RCA })).kind).toBe('closed');
    expect(await recorded()).toBe(RCA);
  });

  test('people without an operator’s role are told whom to ask', async () => {
    const { engineer, superadmin } = bed.slack.people;
    await engineer.say(`<@${bed.slack.botUserId}> <${RCA}>`, { threadTs: (await bed.alert()).ts });
    const answer = await engineer.waitForEphemeral();
    expect(answer.text).toContain('Only an operator can link or draft an RCA.');
    expect(answer.text).toContain(`<@${superadmin.id}>`);
    expect(await recorded()).toBeNull();
  });
});
