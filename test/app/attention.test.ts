import type { Person, StoredMessage } from '../../demo/slack/workspace.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/** Who is on an alert, and snoozing it, by clicks and commands, with the clock moved. */

const MENTION = '<!subteam^S0123456789>';
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let bed: TestBed;
let promotionId: string;
/** Kris and Mina are superadmins, Sam an engineer, and whoever is left nobody. */
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
  who.click(message ?? (await bed.alert()), 'alert_menu', { value: `${choice}:${promotionId}` });
/** What a person is told next, after doing something. */
async function told(who: Person, doing: () => Promise<unknown>): Promise<string> {
  const before = new Set(who.ephemerals().map((message) => JSON.stringify(message)));
  await doing();
  return (await who.waitForEphemeral((message) => !before.has(JSON.stringify(message)), 8_000)).text;
}
const colour = async () => JSON.stringify((await bed.alert()).attachments).match(/"color":"#?([0-9a-f]+)"/u)?.[1];
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
    expect(await colour()).toBe('a30200');
    expect(await told(kris, () => choose(kris, 'take'))).toContain('*You are on it*');
    expect(JSON.stringify(await bed.alert())).toContain(`*On it*: <@${kris.id}>, since <!date^1778387340^`);
    expect(await colour()).toBe('daa038');

    for (let minutes = 0; minutes < 44; minutes += 4) await tickAfter(4 * MINUTE);
    expect(await said()).toEqual([]);
    await tickAfter(MINUTE);
    expect(await about('still on it?')).toEqual([expect.stringContaining(`<@${kris.id}>, are you still on it?`)]);
    expect(await said()).toHaveLength(1);

    await tickAfter(9 * MINUTE);
    expect(await said()).toHaveLength(1);
    await tickAfter(MINUTE);
    const [lost] = await about('did not answer');
    expect(lost).toContain(`*CRITICAL*, still open ${MENTION}:`);
    expect(lost).toContain(`<@${kris.id}> had it and did not answer within 10 minutes. *Nobody has it now.*`);
    expect((await bed.slack.messages(bed.slack.channels.alerts)).map(({ text }) => text)).toContain(lost);
    await tickAfter(MINUTE);
    expect(await colour()).toBe('a30200');
    expect(JSON.stringify(await bed.alert())).not.toContain('*On it*');
    // The question lost its buttons, and the repetitions go on at the next time that is theirs: on the hour.
    expect(JSON.stringify(await question())).not.toContain('still_on_it');
    expect(await said()).toHaveLength(2);
    await tickAfter(4 * MINUTE);
    expect((await said()).at(-1)).toContain('still open');
    expect(await said()).toHaveLength(3);
    expect(await actions()).toEqual([
      ['stuck_critical', 'watchdog'],
      ['taken', kris.id],
      ['owner_asked', 'watchdog'],
      ['owner_lost', 'watchdog'],
    ]);
    expect(await bed.db.audit.verify()).toMatchObject({ intact: true });
  });

  test('is confirmed for another 45 minutes, and the question is settled', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    await tickAfter(45 * MINUTE);
    const asked = await question();
    expect(await told(kris, () => kris.click(asked, 'still_on_it'))).toContain('*You are still on it*');
    expect((await question()).text).toContain('They have it, as they said');
    expect(JSON.stringify(await question())).not.toContain('"button"');
    // A click on what is still on screen.
    expect(await told(kris, () => kris.click(asked, 'still_on_it'))).toContain('nothing is asked of you now');
    await tickAfter(44 * MINUTE);
    expect(await said()).toHaveLength(1);
    await tickAfter(MINUTE);
    expect(await about('are you still on it?')).toHaveLength(2);
  });

  test('is handed over, by the question or the menu, which the thread says without pinging who did it', async () => {
    const { superadmin: kris, engineer: sam } = people;
    await bed.enrol(sam.id, 'engineer');
    await told(sam, () => choose(sam, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    expect(await told(kris, () => choose(kris, 'hand_over'))).toContain(`already taken by <@${sam.id}>`);
    expect(await told(sam, () => choose(sam, 'hand_over'))).toContain('You handed over');
    const [handed] = await about('handed over');
    expect(handed).toContain(`*Nobody has it now* ${MENTION}`);
    expect(handed).not.toContain(sam.id);
    expect(await colour()).toBe('a30200');

    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    await tickAfter(45 * MINUTE);
    expect(await told(kris, async () => kris.click(await question(), 'hand_over'))).toContain('You handed over');
    expect((await question()).text).toContain('Nobody has it now');
    expect(await about('handed over')).toHaveLength(2);
  });

  test('of what is taken says by whom, and takes over only where that is asked for', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    expect(await told(mina, () => choose(mina, 'take'))).toContain(`already taken by <@${kris.id}>, since <!date^`);
    expect(JSON.stringify(await bed.alert())).toContain(`*On it*: <@${kris.id}>`);
    const offer = await mina.waitForEphemeral();
    expect(await told(mina, () => mina.click(offer, 'take_over'))).toContain(`You took it over from <@${kris.id}>`);
    expect(JSON.stringify(await bed.alert())).toContain(`*On it*: <@${mina.id}>`);
    expect(await about('took over')).toEqual([expect.stringContaining(`from <@${kris.id}>`)]);
    expect((await about('took over'))[0]).not.toContain(mina.id);
    // The offer is gone, and what it offered would be refused now.
    mina.ephemerals().forEach((message) => void expect(JSON.stringify(message)).not.toContain('take_over'));
    expect(await told(kris, () => choose(kris, 'take'))).toContain(`already taken by <@${mina.id}>`);
  });

  test('of two who click at once, one has it, and the other is told who', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    const alert = await bed.alert();
    const words = await Promise.all([kris, mina].map((who) => told(who, () => choose(who, 'take', alert))));
    const winner = words[0]?.includes('You are on it') === true ? kris : mina;
    expect(words.filter((text) => text.includes('*You are on it*'))).toHaveLength(1);
    expect(words.filter((text) => text.includes(`already taken by <@${winner.id}>`))).toHaveLength(1);
    expect(JSON.stringify(await bed.alert())).toContain(`*On it*: <@${winner.id}>`);
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
    expect(words).toContain('Nothing was changed: this has ended already.');
    expect(words).toContain(`marked *completed* by <@${kris.id}>`);
    // The same words again would be no sign of an answer: each is asked of by another person, or after another answer.
    await told(mina, () => mina.command('help'));
    expect(await told(kris, () => choose(kris, 'snooze_4h', alert))).toContain('has ended already');
    await told(kris, () => kris.command('help'));
    const before = mina.ephemerals().length;
    await choose(mina, 'unsnooze', snoozed);
    await choose(mina, 'hand_over', snoozed);
    await eventually(async () => expect(mina.ephemerals()).toHaveLength(before + 2));
    for (const message of mina.ephemerals().slice(before)) expect(message.text).toContain('has ended already');
  });

  test('takes an operator, who is told by others whom to ask; strangers and bots get nothing', async () => {
    const { engineer: sam, stranger, superadmin: kris, otherBot } = people;
    const alert = await bed.alert();
    await told(kris, () => choose(kris, 'take'));
    await told(kris, () => choose(kris, 'snooze_1h'));
    const snoozed = await bed.alert();
    const held = await bed.db.attention.of(promotionId);
    for (const choice of ['take', 'snooze_1h', 'unsnooze', 'hand_over']) {
      const words = await told(sam, () => choose(sam, choice, choice === 'snooze_1h' ? alert : snoozed));
      expect(words).toContain('takes an operator’s role');
      expect(words).toContain(`<@${kris.id}>`);
    }
    expect(await told(stranger, () => choose(stranger, 'take'))).toContain('Only people of this app’s own workspace');
    await expect(choose(otherBot, 'take')).rejects.toThrow('bot');
    expect(await bed.db.attention.of(promotionId)).toEqual(held);
    expect((await actions()).slice(3)).toEqual(Array.from({ length: 4 }, () => ['denied', sam.id]));
    await bed.enrol(sam.id, 'engineer');
    expect(await told(sam, () => choose(sam, 'unsnooze'))).toContain('not snoozed any more');
  });

  test('of an owner who is disabled ends at once, and the alert says so', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    await bed.db.operators.disable(kris.id, bed.clock.now());
    await tickAfter(MINUTE);
    const [lost] = await said();
    expect(lost).toContain(`<@${kris.id}>, who had it, is no operator any more. *Nobody has it now.*`);
    expect(lost).toContain(MENTION);
    await tickAfter(MINUTE);
    expect(await colour()).toBe('a30200');
  });

  test('by command, by id or flag key', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    expect(await told(kris, () => kris.command('take console_heroku_log_drain_alerting'))).toContain('*You are on it*');
    expect(await told(mina, () => mina.command(`take ${promotionId}`))).toContain(`already taken by <@${kris.id}>`);
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
    await eventually(async () => expect(await colour()).toBe('daa038'));
    await bed.clock.advance(45 * MINUTE);
    await tickAll();
    await bed.app.tick();
    expect(await about('are you still on it?')).toHaveLength(1);
    await bed.clock.advance(10 * MINUTE);
    await tickAll();
    await bed.app.tick();
    expect(await about('did not answer')).toHaveLength(1);
  });

  test.each([
    ['never arrived', 'reset_before', 1],
    ['arrived all the same', 'reset_after', 1],
  ] as const)('is asked once where Slack’s answer to the question %s', async (_, kind, times) => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    bed.slack.faults.add({ method: 'chat.postMessage', times, kind });
    await tickAfter(45 * MINUTE);
    await tickAfter(MINUTE);
    await tickAfter(MINUTE);
    expect(await about('are you still on it?')).toHaveLength(1);
    // The ten minutes are counted from when it was seen to be there.
    await tickAfter(8 * MINUTE);
    expect(await about('did not answer')).toHaveLength(0);
    await tickAfter(2 * MINUTE);
    expect(await about('did not answer')).toHaveLength(1);
  });

  test('that was answered while its question was on its way leaves no buttons behind', async () => {
    const { superadmin: kris } = people;
    await told(kris, () => choose(kris, 'take'));
    await eventually(async () => expect(await colour()).toBe('daa038'));
    bed.slack.faults.add({ method: 'chat.postMessage', times: 1, kind: 'reset_after' });
    await tickAfter(45 * MINUTE);
    await choose(kris, 'hand_over');
    await eventually(async () => expect(await about('handed over')).toHaveLength(1));
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
    expect(await said()).toEqual([expect.stringContaining('handed over')]);
  });

  test('that was taken while a repetition waited for Slack is not repeated', async () => {
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
    await eventually(async () => expect(await colour()).toBe('daa038'));
    const seen = async (text: string, words: string) => {
      await kris.command(text);
      await kris.waitForEphemeral((message) => {
        const shown = JSON.stringify(message.blocks);
        return shown.includes(`*On it*: <@${kris.id}>`) && shown.includes(words);
      });
    };
    await seen(`show ${promotionId}`, '*taken*');
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
    expect(await told(kris, async () => choose(kris, 'take', await warning()))).toContain('The message says so.');
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

  test('that is snoozed is grey, calls nobody at its end, and is snoozed no more where it turns critical', async () => {
    const { superadmin: kris } = people;
    await told(kris, async () => choose(kris, 'snooze_4h', await warning()));
    expect(JSON.stringify(await warning())).toContain('"dddddd"');
    await tickAfter(4 * HOUR);
    expect(await replies()).toEqual([expect.stringContaining('Its snooze is over.')]);
    expect((await replies())[0]).toContain('*Warning*, still open');
    expect((await replies())[0]).not.toContain(MENTION);
    expect(await bed.slack.messages(bed.slack.channels.alerts)).toHaveLength(2);

    await told(kris, async () => choose(kris, 'snooze_tomorrow', await warning()));
    await bed.clock.set('2026-05-11T03:30:00Z');
    await bed.app.tick();
    await bed.app.tick();
    expect((await replies()).at(-1)).toContain(`*CRITICAL* ${MENTION}`);
    expect(JSON.stringify(await warning())).not.toContain('Snoozed');
    expect(JSON.stringify(await warning())).toContain('"a30200"');
    expect((await actions()).slice(-2).map(([action]) => action)).toEqual(['snooze_ended', 'stuck_critical']);
  });
});

describe('a snooze', () => {
  beforeEach(() => start());

  test('shows by whom and until when, keeps a critical quiet, and says when it is over', async () => {
    const { superadmin: kris } = people;
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed* until <!date^1778390940^');
    expect(JSON.stringify(await bed.alert())).toContain(`*Snoozed* by <@${kris.id}> until <!date^1778390940^`);
    expect(await colour()).toBe('dddddd');
    for (let minutes = 0; minutes < 59; minutes += 1) await tickAfter(MINUTE);
    expect(await said()).toEqual([]);
    await tickAfter(MINUTE);
    expect(await said()).toEqual([expect.stringContaining('Its snooze is over.')]);
    expect((await said())[0]).toContain(MENTION);
    await tickAfter(MINUTE);
    expect(await colour()).toBe('a30200');
    await tickAfter(14 * MINUTE);
    expect(await said()).toHaveLength(2);
  });

  test('until tomorrow is until 09:00 where the person is', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    bed.slack.setTimeZone(kris.id, 'America/Los_Angeles');
    // 21:29 on the day before there: tomorrow is 2026-05-10.
    await told(kris, () => choose(kris, 'snooze_tomorrow'));
    expect((await bed.db.attention.of(promotionId))?.snooze?.until).toEqual(new Date('2026-05-10T16:00:00Z'));
    bed.slack.setTimeZone(mina.id, 'Asia/Kolkata');
    const command = `snooze ${promotionId} Tomorrow`;
    expect(await told(mina, () => mina.command(command))).toContain('*snoozed*');
    expect((await bed.db.attention.of(promotionId))?.snooze?.until).toEqual(new Date('2026-05-11T03:30:00Z'));
  });

  test.each([
    ['Mars/Olympus', '`Mars/Olympus`, which I don’t know'],
    [null, 'Slack does not tell your time zone'],
  ])('until tomorrow in the time zone %s is refused in a sentence', async (timeZone, words) => {
    const { superadmin: kris } = people;
    bed.slack.setTimeZone(kris.id, timeZone);
    const answered = await told(kris, () => choose(kris, 'snooze_tomorrow'));
    expect(answered).toContain(words);
    expect(answered).toContain('Nothing was changed.');
    expect(await bed.db.attention.of(promotionId)).toBeNull();
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed*');
  });

  test('where Slack does not tell the time zone for now is refused in a sentence', async () => {
    const { superadmin: kris } = people;
    bed.slack.faults.add({ method: 'users.info', times: 1, kind: 'status', status: 500 });
    expect(await told(kris, () => choose(kris, 'snooze_tomorrow'))).toContain('Nothing was changed.');
    expect(await bed.db.attention.of(promotionId)).toBeNull();
  });

  test('of a critical ends 24 hours after it became one, at the latest', async () => {
    const { superadmin: kris } = people;
    await bed.clock.advance(21 * HOUR);
    const refused = await told(kris, () => choose(kris, 'snooze_4h'));
    expect(refused).toContain('can be snoozed until <!date^1778473740^');
    expect(refused).toContain('Nothing was changed.');
    expect(await told(kris, () => choose(kris, 'snooze_1h'))).toContain('*snoozed*');
    await bed.clock.advance(3 * HOUR);
    expect(await told(kris, () => kris.command(`snooze ${promotionId} 1h`))).toContain('can’t be snoozed any more');
  });

  test('is ended from the menu, and a click on an older message holds against the rows', async () => {
    const { superadmin: kris, secondSuperadmin: mina } = people;
    await told(kris, () => choose(kris, 'snooze_4h'));
    const snoozed = await bed.alert();
    expect(await told(mina, () => choose(mina, 'unsnooze', snoozed))).toContain('is not snoozed any more');
    expect(await colour()).toBe('a30200');
    expect(await told(kris, () => choose(kris, 'unsnooze', snoozed))).toContain('is not snoozed. Nothing was changed.');
    await tickAfter(16 * MINUTE);
    expect(await about('still open')).toHaveLength(1);
  });

  test('with an owner asks nobody, calls the owner alone at its end, and gives them 45 minutes', async () => {
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

  test('by command says how, where it is not understood', async () => {
    const { superadmin: kris } = people;
    for (const text of ['snooze', 'snooze 1', 'snooze 1 2h', 'snooze 1 1h please']) {
      expect(await told(kris, () => kris.command(text))).toContain('1h|4h|tomorrow');
    }
    expect(await told(kris, () => kris.command('snoze 1'))).toContain('Did you mean `/flag-promotions snooze`?');
    expect(await told(kris, () => kris.command('snooze nothing 1h'))).toContain('There is no promotion `nothing`');
    expect(await told(kris, () => kris.command('snooze console_heroku_log_drain_alerting 4H'))).toContain('*snoozed*');
  });
});
