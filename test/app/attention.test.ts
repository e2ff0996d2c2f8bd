import type { Person, StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Acknowledging and snoozing an alert, by clicks and commands, with the clock moved. */

const MENTION = '<!subteam^S0123456789>';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let bed: TestBed;
let promotionId: string;
/** Kris and Mina are superadmins, Sam is an engineer, the others aren't operators. */
let people: TestBed['slack']['people'];

/** The critical of 2026-05-10 04:28, a minute old. */
async function start(environment: Readonly<Record<string, string>> = {}) {
  bed = await startTestBed({
    startAt: '2026-05-10T04:29:00Z',
    rateLimit: false,
    databaseClockStands: true,
    environment: { SLACK_CRITICAL_MENTION: MENTION, CRITICAL_REPEAT_EVERY: '15m', ...environment },
  });
  people = bed.slack.people;
  await bed.enrol(people.secondSuperadmin.id);
  promotionId = await bed.rows.insertDeploying();
  await bed.app.tick();
}
afterEach(() => bed.close());

const thread = async () => bed.slack.thread(bed.slack.channels.alerts, (await bed.alert()).ts);
const said = async () => (await thread()).map(({ text }) => text);
const about = async (words: string) => (await said()).filter((text) => text.includes(words));
async function tickAfter(ms: number): Promise<void> {
  await bed.clock.advance(ms);
  await bed.app.tick();
}
const choose = async (who: Person, choice: string, message?: StoredMessage) =>
  choice === 'take'
    ? who.click(message ?? (await bed.alert()), 'acknowledge')
    : who.click(message ?? (await bed.alert()), 'alert_menu', { value: `${choice}:${promotionId}` });
/** What a person is told next, after doing something. */
async function told(who: Person, doing: () => Promise<unknown>): Promise<string> {
  const before = new Set(who.ephemerals().map((message) => JSON.stringify(message)));
  await doing();
  return (await who.waitForEphemeral((message) => !before.has(JSON.stringify(message)))).text;
}
/** The owner, as the alert shows them. */
const held = async () => {
  const shown = JSON.stringify((await bed.alert()).blocks);
  if (shown.includes('snoozed until')) return 'snoozed';
  return shown.includes('*nobody is on it*') ? 'nobody' : 'owned';
};
const question = async (index = 0) => {
  const found = (await thread()).filter(({ text }) => text.includes('still on it?'))[index];
  if (found === undefined) throw new Error('Nobody was asked.');
  return found;
};
const actions = async () =>
  (await bed.db.audit.ofPromotion(promotionId, 100)).map(({ action, actor }) => [action.replace(/.*\./u, ''), actor]);

describe('I’m on it', () => {
  beforeEach(() => start());

  test('names the owner, keeps a critical quiet for 45 minutes, asks once, and repeats without an answer', async () => {
    const { superadmin: kris } = people;
    expect(await held()).toBe('nobody');
    expect(await told(kris, () => choose(kris, 'take'))).toContain('*You’re on it*');
    expect(JSON.stringify(await bed.alert())).toContain(`<@${kris.id}> on it since <!date^1778387340^`);
    expect(await held()).toBe('owned');

    for (let minutes = 0; minutes < 44; minutes += 4) await tickAfter(4 * MINUTE);
    expect(await said()).toEqual([]);
    await tickAfter(MINUTE);
    expect(await about('still on it?')).toEqual([expect.stringContaining(`<@${kris.id}>, are you still on it?`)]);
    expect(await said()).toHaveLength(1);

    await tickAfter(9 * MINUTE);
    expect(await said()).toHaveLength(1);
    await tickAfter(MINUTE);
    const [lost] = await about('didn’t answer');
    expect(lost).toContain(`*CRITICAL*, still open ${MENTION}:`);
    expect(lost).toContain(`<@${kris.id}> was on it and didn’t answer within 10 minutes. *Nobody is on it now.*`);
    expect((await bed.slack.messages(bed.slack.channels.alerts)).map(({ text }) => text)).toContain(lost);
    await tickAfter(MINUTE);
    expect(await held()).toBe('nobody');
    expect(JSON.stringify(await bed.alert())).not.toContain('> on it');
    // The question lost its buttons, and the repeats continue at their next regular time: on the hour.
    expect(JSON.stringify(await question())).not.toContain('still_on_it');
    expect(await said()).toHaveLength(2);
    await tickAfter(4 * MINUTE);
    expect((await said()).at(-1)).toContain('still stuck');
    expect(await said()).toHaveLength(3);
    expect(await actions()).toEqual([
      ['stuck_critical', 'watchdog'],
      ['taken', kris.id],
      ['owner_asked', 'watchdog'],
      ['owner_lost', 'watchdog'],
    ]);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('is confirmed for another 45 minutes, and the question is answered', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    await tickAfter(45 * MINUTE);
    const asked = await question();
    expect(await told(kris, () => kris.click(asked, 'still_on_it'))).toContain('*You’re still on it*');
    expect((await question()).text).toContain('They said yes');
    expect(JSON.stringify(await question())).not.toContain('"button"');
    // A click on an outdated screen.
    expect(await told(kris, () => kris.click(asked, 'still_on_it'))).toContain('There is nothing to confirm now');
    await tickAfter(44 * MINUTE);
    expect(await said()).toHaveLength(1);
    await tickAfter(MINUTE);
    expect(await about('are you still on it?')).toHaveLength(2);
  });

  test('is released by the question or the menu; the thread says so without pinging who did it', async () => {
    const { superadmin: kris, engineer: sam } = people;
    await bed.enrol(sam.id, 'engineer');
    await told(sam, () => choose(sam, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    expect(await told(kris, () => choose(kris, 'hand_over'))).toContain(`<@${sam.id}> is already on it`);
    expect(await told(sam, () => choose(sam, 'hand_over'))).toContain('You released');
    const [handed] = await about('released');
    expect(handed).toContain(`*Nobody is on it now* ${MENTION}`);
    expect(handed).not.toContain(sam.id);
    expect(await held()).toBe('nobody');

    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    await tickAfter(45 * MINUTE);
    expect(await told(kris, async () => kris.click(await question(), 'hand_over'))).toContain('You released');
    expect((await question()).text).toContain('Nobody is on it now');
    expect(await about('released')).toHaveLength(2);
  });

  test('of what somebody has says who, and takes it from them only if asked to', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    expect(await told(mina, () => choose(mina, 'take'))).toContain(`<@${kris.id}> is already on it, since <!date^`);
    expect(JSON.stringify(await bed.alert())).toContain(`<@${kris.id}> on it`);
    const offer = await mina.waitForEphemeral();
    expect(await told(mina, () => mina.click(offer, 'take_over'))).toContain(`You took over from <@${kris.id}>`);
    expect(JSON.stringify(await bed.alert())).toContain(`<@${mina.id}> on it`);
    expect(await about('took over')).toEqual([expect.stringContaining(`from <@${kris.id}>`)]);
    expect((await about('took over'))[0]).not.toContain(mina.id);
    // The offer is gone, and taking it up would be refused now.
    mina.ephemerals().forEach((message) => void expect(JSON.stringify(message)).not.toContain('take_over'));
    expect(await told(kris, () => choose(kris, 'take'))).toContain(`<@${mina.id}> is already on it`);
  });

  test('of two who click at once, one has it, and the other is told who', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    const alert = await bed.alert();
    const words = await Promise.all([kris, mina].map((who) => told(who, () => choose(who, 'take', alert))));
    const winner = words[0]?.includes('You’re on it') === true ? kris : mina;
    expect(words.filter((text) => text.includes('*You’re on it*'))).toHaveLength(1);
    expect(words.filter((text) => text.includes(`<@${winner.id}> is already on it`))).toHaveLength(1);
    expect(JSON.stringify(await bed.alert())).toContain(`<@${winner.id}> on it`);
  });

  test('of what ended tells who resolved it, from a message that is still on screen', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    const alert = await bed.alert();
    await told(kris, () => choose(kris, 'take'));
    await told(kris, () => choose(kris, 'snooze_1h'));
    const snoozed = await bed.alert();
    await kris.click(snoozed, 'mark_completed');
    await kris.waitForModal();
    expect((await kris.submit({ code: bed.code(kris.id), note: 'It is live.' })).kind).toBe('closed');
    const words = await told(mina, () => choose(mina, 'take', alert));
    expect(words).toContain('*This has already ended.*');
    expect(words).toContain(`resolved as *completed* by <@${kris.id}>`);
    // The same answer twice would prove nothing: ask as another person, or after another answer.
    await told(mina, () => mina.command('help'));
    expect(await told(kris, () => choose(kris, 'snooze_4h', alert))).toContain('has already ended');
    await told(kris, () => kris.command('help'));
    const before = mina.ephemerals().length;
    await choose(mina, 'unsnooze', snoozed);
    await choose(mina, 'hand_over', snoozed);
    await eventually(async () => expect(mina.ephemerals()).toHaveLength(before + 2));
    for (const message of mina.ephemerals().slice(before)) expect(message.text).toContain('has already ended');
  });

  test('is for operators: others read whom to ask, external users and bots get nothing', async () => {
    const { engineer: sam, externalUser, superadmin: kris, otherBot } = people;
    const alert = await bed.alert();
    await told(kris, () => choose(kris, 'take'));
    await told(kris, () => choose(kris, 'snooze_1h'));
    const snoozed = await bed.alert();
    const held = await bed.db.attention.of(promotionId);
    for (const choice of ['take', 'snooze_1h', 'unsnooze', 'hand_over']) {
      const words = await told(sam, () => choose(sam, choice, choice === 'snooze_1h' ? alert : snoozed));
      expect(words).toMatch(/Only an operator can .*\. Ask/u);
      expect(words).toContain(`<@${kris.id}>`);
    }
    expect(await told(externalUser, () => choose(externalUser, 'take'))).toContain(
      'Only people of this app’s own workspace',
    );
    await expect(choose(otherBot, 'take')).rejects.toThrow('bot');
    expect(await bed.db.attention.of(promotionId)).toEqual(held);
    expect((await actions()).slice(3)).toEqual(Array.from({ length: 4 }, () => ['denied', sam.id]));
    await bed.enrol(sam.id, 'engineer');
    expect(await told(sam, () => choose(sam, 'unsnooze'))).toContain('no longer snoozed');
  });

  test('of an owner who is disabled ends at once, and the alert says so', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    await bed.db.operators.disable(kris.id, bed.clock.now());
    await tickAfter(MINUTE);
    const [lost] = await said();
    expect(lost).toContain(`<@${kris.id}> was on it and is no longer an operator. *Nobody is on it now.*`);
    expect(lost).toContain(MENTION);
    await tickAfter(MINUTE);
    expect(await held()).toBe('nobody');
  });

  test('by command, by id or flag key', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    expect(await told(kris, () => kris.command('take console_heroku_log_drain_alerting'))).toContain('*You’re on it*');
    expect(await told(mina, () => mina.command(`take ${promotionId}`))).toContain(`<@${kris.id}> is already on it`);
    expect(await told(kris, () => kris.command('take'))).toContain('`/flag-promotions take &lt;id | flag-key&gt;`');
    expect(await told(kris, () => kris.command('take 4711'))).toContain('There is no promotion `4711`');
    expect(await told(kris, () => kris.command('tkae 1'))).toContain('Did you mean `/flag-promotions take`?');
    await bed.rows.insertDeploying({ app: 'raxx-web', promotedAt: '2026-05-10T04:00:00Z' });
    const words = await told(kris, () => kris.command('take console_heroku_log_drain_alerting'));
    expect(words).toContain('Say which, by its id');
    const fresh = await bed.rows.insertDeploying({ flagKey: 'fresh', promotedAt: '2026-05-10T04:00:00Z' });
    expect(await told(kris, () => kris.command(`take ${fresh}`))).toContain('has no open alert');
  });

  test('is asked once by three replicas that tick together, and given up once', async () => {
    const { superadmin: kris } = people;
    const others = await Promise.all([bed.replica(), bed.replica()]);
    const tickAll = () => Promise.all([bed.app, ...others].map((app) => app.tick()));
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    await bed.clock.advance(45 * MINUTE);
    await tickAll();
    await bed.app.tick();
    expect(await about('are you still on it?')).toHaveLength(1);
    await bed.clock.advance(10 * MINUTE);
    await tickAll();
    await bed.app.tick();
    expect(await about('didn’t answer')).toHaveLength(1);
  });

  test.each([
    ['never arrived', 'reset_before', 1],
    ['arrived all the same', 'reset_after', 1],
  ] as const)('is asked once if Slack’s answer to the question %s', async (_, kind, times) => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    bed.slack.faults.add({ method: 'chat.postMessage', times, kind });
    await tickAfter(45 * MINUTE);
    await tickAfter(MINUTE);
    await tickAfter(MINUTE);
    expect(await about('are you still on it?')).toHaveLength(1);
    // The ten minutes count from when it was first seen there.
    await tickAfter(8 * MINUTE);
    expect(await about('didn’t answer')).toHaveLength(0);
    await tickAfter(2 * MINUTE);
    expect(await about('didn’t answer')).toHaveLength(1);
  });

  test('that was answered while its question was on its way leaves no buttons behind', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await tickAfter(45 * MINUTE);
    await choose(kris, 'hand_over');
    await eventually(async () => expect(await about('released')).toHaveLength(1));
    await tickAfter(MINUTE);
    await tickAfter(MINUTE);
    expect(JSON.stringify(await question())).not.toContain('"button"');
  });

  test('that was answered before Slack took its question is asked nothing', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'rate_limited', retryAfterSeconds: 1 });
    await tickAfter(45 * MINUTE);
    await told(kris, () => choose(kris, 'hand_over'));
    await tickAfter(MINUTE);
    await tickAfter(MINUTE);
    expect(await said()).toEqual([expect.stringContaining('released')]);
  });

  test('that was acknowledged while a repeat waited for Slack is not repeated', async () => {
    const { superadmin: kris } = people;
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'rate_limited', retryAfterSeconds: 30 });
    await tickAfter(15 * MINUTE);
    await told(kris, () => choose(kris, 'take'));
    await tickAfter(MINUTE);
    expect(await said()).toEqual([]);
  });

  test('shows in the history and in the list', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await held()).toBe('owned'));
    const seen = async (text: string, words: string) => {
      await kris.command(text);
      await kris.waitForEphemeral((message) => {
        const shown = JSON.stringify(message.blocks);
        return shown.includes(`<@${kris.id}> is on it`) && shown.includes(words);
      });
    };
    await seen(`show ${promotionId}`, '*acknowledged*');
    await seen('stuck', 'is stuck*');
  });
});

describe('a warning', () => {
  beforeEach(async () => {
    await start();
    await bed.clock.set('2026-05-10T16:00:00Z');
    promotionId = await bed.rows.insertDeploying({ flagKey: 'later', promotedAt: '2026-05-10T03:30:00Z' });
    await bed.rows.query(`update console_flag_promotions set state = 'failed', failed_at = $2 where id <> $1`, [
      promotionId,
      bed.clock.now(),
    ]);
    await bed.app.tick();
  });
  const warning = async () => {
    const found = (await bed.slack.messages(bed.slack.channels.alerts)).find(({ text }) => text.includes('`later`'));
    if (found === undefined) throw new Error('There is no warning.');
    return found;
  };
  const replies = async () =>
    (await bed.slack.thread(bed.slack.channels.alerts, (await warning()).ts)).map(({ text }) => text);

  test('that is owned asks nobody until it turns critical, and then 45 minutes later', async () => {
    const { superadmin: kris } = people;
    expect(await told(kris, async () => choose(kris, 'take', await warning()))).toContain('*You’re on it*');
    await tickAfter(6 * HOUR);
    expect(await replies()).toEqual([]);
    await bed.clock.set('2026-05-11T03:30:00Z');
    await bed.app.tick();
    expect(await replies()).toEqual([expect.stringContaining(MENTION)]);
    await tickAfter(44 * MINUTE);
    expect(await replies()).toHaveLength(1);
    await tickAfter(MINUTE);
    expect((await replies()).at(-1)).toContain('are you still on it?');
    expect(await replies()).toHaveLength(2);
  });

  test('that is snoozed says so, mentions nobody at its end, and is snoozed no more if it turns critical', async () => {
    const { superadmin: kris } = people;
    await told(kris, async () => choose(kris, 'snooze_4h', await warning()));
    expect(JSON.stringify(await warning())).toContain('snoozed until');
    await tickAfter(4 * HOUR);
    expect(await replies()).toEqual([expect.stringContaining('Its snooze is over.')]);
    expect((await replies())[0]).toContain('*Warning*, still open');
    expect((await replies())[0]).not.toContain(MENTION);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(2);

    await told(kris, async () => choose(kris, 'snooze_morning', await warning()));
    await bed.clock.set('2026-05-11T03:30:00Z');
    await bed.app.tick();
    await bed.app.tick();
    expect((await replies()).at(-1)).toContain(`*CRITICAL* ${MENTION}`);
    expect(JSON.stringify(await warning())).not.toContain('snoozed until');
    expect((await warning()).text).toContain('*CRITICAL*');
    expect((await actions()).slice(-2).map(([action]) => action)).toEqual(['snooze_ended', 'stuck_critical']);
  });
});

describe('a snooze', () => {
  beforeEach(() => start());

  test('shows by whom and until when, keeps a critical quiet, and says when it is over', async () => {
    const { superadmin: kris } = people;
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed* until <!date^1778390940^');
    expect(JSON.stringify(await bed.alert())).toContain('snoozed until <!date^1778390940^');
    expect(await held()).toBe('snoozed');
    for (let minutes = 0; minutes < 59; minutes += 1) await tickAfter(MINUTE);
    expect(await said()).toEqual([]);
    await tickAfter(MINUTE);
    expect(await said()).toEqual([expect.stringContaining('Its snooze is over.')]);
    expect((await said())[0]).toContain(MENTION);
    await tickAfter(MINUTE);
    expect(await held()).toBe('nobody');
    await tickAfter(14 * MINUTE);
    expect(await said()).toHaveLength(2);
  });

  test('until 09:00 is until the next one where the person is', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    bed.slack.setTimeZone(kris.id, 'America/Los_Angeles');
    // 21:29 on the day before there.
    await told(kris, () => choose(kris, 'snooze_morning'));
    expect((await bed.db.attention.of(promotionId))?.snooze?.until).toEqual(new Date('2026-05-10T16:00:00Z'));
    bed.slack.setTimeZone(mina.id, 'Asia/Kolkata');
    // 09:59 there. The command's earlier word is understood, too.
    const command = `snooze ${promotionId} Tomorrow`;
    expect(await told(mina, () => mina.command(command))).toContain('*snoozed*');
    expect((await bed.db.attention.of(promotionId))?.snooze?.until).toEqual(new Date('2026-05-11T03:30:00Z'));
  });

  test.each([
    ['Mars/Olympus', 'I don’t know your time zone `Mars/Olympus`'],
    [null, 'Slack doesn’t say what your time zone is'],
  ])('until 09:00 in the time zone %s is refused in a sentence', async (timeZone, words) => {
    const { superadmin: kris } = people;
    bed.slack.setTimeZone(kris.id, timeZone);
    const answered = await told(kris, () => choose(kris, 'snooze_morning'));
    expect(answered).toContain(words);
    expect(answered).toContain('Snooze for 1 h or 4 h');
    expect(await bed.db.attention.of(promotionId)).toBeNull();
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed*');
  });

  test('is refused in a sentence while Slack doesn’t tell the time zone', async () => {
    const { superadmin: kris } = people;
    // Nor does Slack say who they are.
    bed.slack.faults.add({ method: 'users.info', times: 2, kind: 'status', status: 500 });
    expect(await told(kris, () => choose(kris, 'snooze_morning'))).toContain('Nothing was changed.');
    expect(await bed.db.attention.of(promotionId)).toBeNull();
  });

  test('of a critical ends 24 hours after it became one, at the latest', async () => {
    const { superadmin: kris } = people;
    await bed.clock.advance(21 * HOUR);
    const refused = await told(kris, () => choose(kris, 'snooze_4h'));
    expect(refused).toContain('snooze it until <!date^1778473740^');
    expect(refused).toContain('Choose a shorter time.');
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed*');
    await bed.clock.advance(3 * HOUR);
    expect(await told(kris, () => kris.command(`snooze ${promotionId} 1h`))).toContain('so it can’t be snoozed');
  });

  test('is ended from the menu, and a click on an older message holds against the rows', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    await told(kris, () => choose(kris, 'snooze_4h'));
    const snoozed = await bed.alert();
    expect(await told(mina, () => choose(mina, 'unsnooze', snoozed))).toContain('is no longer snoozed');
    expect(await held()).toBe('nobody');
    expect(await told(kris, () => choose(kris, 'unsnooze', snoozed))).toContain('is not snoozed.');
    await tickAfter(16 * MINUTE);
    expect(await about('still stuck')).toHaveLength(1);
  });

  test('with an owner asks nobody, mentions the owner alone at its end, and gives them 45 minutes', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    await told(mina, () => choose(mina, 'take'));
    await told(kris, () => choose(kris, 'snooze_1h'));
    await tickAfter(50 * MINUTE);
    expect(await said()).toEqual([]);
    await tickAfter(10 * MINUTE);
    const [over] = await said();
    expect(over).toContain(`<@${mina.id}>`);
    expect(over).not.toContain(MENTION);
    await tickAfter(44 * MINUTE);
    expect(await about('are you still on it?')).toHaveLength(0);
    await tickAfter(MINUTE);
    expect(await about('are you still on it?')).toHaveLength(1);
  });

  test('by a command that isn’t understood says how it is written', async () => {
    const { superadmin: kris } = people;
    for (const text of ['snooze', 'snooze 1', 'snooze 1 2h', 'snooze 1 1h please']) {
      expect(await told(kris, () => kris.command(text))).toContain('1h|4h|09:00');
    }
    expect(await told(kris, () => kris.command('snoze 1'))).toContain('Did you mean `/flag-promotions snooze`?');
    expect(await told(kris, () => kris.command('snooze nothing 1h'))).toContain('There is no promotion `nothing`');
    expect(await told(kris, () => kris.command('snooze console_heroku_log_drain_alerting 4H'))).toContain('*snoozed*');
  });
});
