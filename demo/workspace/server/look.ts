import { z } from 'zod';
import { FLAG, HEROKU_APP } from '../../world/incident.js';
import { CODE_PERIOD_S } from '../../world/authenticators.js';
import { HEROKU_SWITCHES } from '../../world/heroku-switches.js';
import type { World } from '../../world/world.js';
import { SUBCOMMANDS } from '../../../src/views/help.js';
import type { EphemeralMessage, OpenView, Person, StoredMessage } from '../../slack/workspace.js';
import { type PersonKey, PERSON_KEYS, type Snapshot, snapshot } from '../protocol/snapshot.js';
import type { Guide } from './guide.js';

const ROLES: Readonly<Record<PersonKey, string>> = {
  superadmin: 'Superadmin',
  engineer: 'Engineer',
  externalUser: 'From another workspace',
};

/** As many as fit on a pager's screen. */
const PAGES_SHOWN = 4;

const SLACKBOT = 'USLACKBOT';

/** Everything that the page shows, read from the world's current state. */
export async function look(world: World, guide: Guide): Promise<Snapshot> {
  const { slack, heroku, clock, app, killer, manifest } = world;
  const [rows, usedSteps, directMessages] = await Promise.all([
    world.rows.promotions(),
    world.rows.usedSteps(),
    Promise.all(PERSON_KEYS.map((key) => slack.people[key].directMessages())),
  ]);
  const channels = Object.values(slack.channels);
  const messages = (await Promise.all(channels.map((channel) => slack.everything(channel)))).flat();
  const now = clock.now();
  const code = ({ id }: Person) =>
    world.authenticators.owners.includes(id)
      ? {
          digits: world.authenticators.code(id, now),
          used: (usedSteps.get(id) ?? 0) >= Math.floor(now.getTime() / 1_000 / CODE_PERIOD_S),
        }
      : null;
  const altTexts = new Map(slack.files().map(({ id, altText }) => [id, altText]));
  const shown = (message: StoredMessage) => shownMessage(message, altTexts);
  const people = PERSON_KEYS.map((key, index) => {
    const person = slack.people[key];
    const home = person.home();
    return {
      key,
      id: person.id,
      name: person.name,
      role: ROLES[key],
      ephemerals: person.ephemerals().map((message) => shownEphemeral(message, slack.botUserId)),
      modals: person.modals().map(shownView),
      home: home === undefined ? null : shownView(home),
      directMessages: (directMessages[index] ?? []).map(shown),
      code: code(person),
    };
  });
  const vars = rows.map(({ flagKey }) => `FLAG_${flagKey.toUpperCase()}`);
  const [command] = manifest.commands;
  return snapshot.parse({
    transport: world.transport,
    bot: { id: slack.botUserId, name: 'flag-promotions' },
    command: { name: command?.command ?? '', words: SUBCOMMANDS.map(({ usage, does }) => ({ usage, does })) },
    shortcuts: manifest.shortcuts.map(({ name, callback_id: callbackId }) => ({ name, callbackId })),
    names: {
      ...Object.fromEntries(Object.values(slack.people).map(({ id, name }) => [id, name])),
      [slack.botUserId]: 'flag-promotions',
      [SLACKBOT]: 'Slackbot',
    },
    channels: [
      { id: slack.channels.alerts, name: 'flag-alerts', hasApp: true },
      { id: slack.channels.random, name: 'random', hasApp: false },
    ],
    messages: messages.map(shown),
    people,
    heroku: {
      app: HEROKU_APP,
      vars: Object.fromEntries(vars.map((name) => [name, heroku.getVar(HEROKU_APP, name)])),
      releases: heroku
        .releases(HEROKU_APP)
        .toReversed()
        .slice(0, 6)
        .map(({ createdAt, ...release }) => ({ ...release, at: createdAt.toISOString() })),
      switches: Object.fromEntries(HEROKU_SWITCHES.map((name) => [name, world.switches.isOn(name)])),
    },
    pages: world.pager.incidents
      .toReversed()
      .slice(0, PAGES_SHOWN)
      .map(({ key, status, summary, openedAt, links }) => ({
        key,
        status,
        summary,
        openedAt: openedAt.toISOString(),
        links,
      })),
    webhooks: world.webhooks.received
      .filter(({ isVerified }) => isVerified)
      .toReversed()
      .slice(0, PAGES_SHOWN)
      .map(({ id, body }) => ({ id, type: webhookType.parse(JSON.parse(body)).type })),
    clockOffsetMs: clock.offsetMs,
    slackDownUntil: world.slackDownUntil?.toISOString() ?? null,
    app: {
      status: app.status,
      pid: app.pid,
      starts: app.starts,
      kills: killer.count,
      killAtNextChange: killer.armed,
    },
    rows,
    guide: guide.steps({
      alertSeen: messages.some(({ user, text }) => user === slack.botUserId && text.includes(FLAG)),
      resolving: people.some(({ modals }) => modals.some(({ title }) => /^Mark (?:completed|failed)$/u.test(title))),
      rows,
      killedMidway: killer.midway,
    }),
  });
}

const webhookType = z.object({ type: z.string() });

const filesOf = z.object({
  files: z
    .array(
      z.object({
        id: z.string(),
        name: z.string(),
        title: z.string(),
        mimetype: z.string(),
        size: z.number(),
      }),
    )
    .default([]),
});

function shownMessage(message: StoredMessage, altTexts: ReadonlyMap<string, string | null>) {
  const { raw, ...shown } = message;
  return {
    ...shown,
    subtype: raw['subtype'] ?? null,
    edited: raw['edited'] !== undefined,
    files: filesOf.parse(raw).files.map((file) => ({ ...file, altText: altTexts.get(file.id) ?? null })),
  };
}

const shownEphemeral = ({ bySlack, ...message }: EphemeralMessage, botUserId: string) => ({
  ...message,
  user: bySlack === true ? SLACKBOT : botUserId,
});

const stateOf = z.object({ state: z.object({ values: z.record(z.string(), z.record(z.string(), z.unknown())) }) });

function shownView({ id, hash, title, blocks, raw }: OpenView) {
  const { submit = null, close = null } = raw;
  return { id, hash, title, blocks, submit, close, state: stateOf.parse(raw).state.values };
}
