import { z } from 'zod';

/** Everything that the page shows; the server pushes it whenever it changes. */

const blocks = z.array(z.looseObject({ type: z.string() }));
export type BlockData = z.output<typeof blocks>[number];

/** Slack numbers them. */
const attachment = z.looseObject({ id: z.number(), color: z.string().optional(), blocks: blocks.default([]) });

const file = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  mimetype: z.string(),
  size: z.number(),
  altText: z.string().nullable(),
});
export type FileData = z.output<typeof file>;

const content = {
  channel: z.string(),
  ts: z.string(),
  text: z.string(),
  /** A reply's parent message. */
  threadTs: z.string().nullable(),
  blocks,
  attachments: z.array(attachment),
};

const message = z.object({
  ...content,
  user: z.string(),
  subtype: z.string().nullable(),
  edited: z.boolean(),
  files: z.array(file),
});
export type MessageData = z.output<typeof message>;

/** What only one person sees. */
const ephemeral = z.object({ ...content, id: z.string(), user: z.string() });
export type EphemeralData = z.output<typeof ephemeral>;

const plainText = z.looseObject({ text: z.string() });
const view = z.object({
  id: z.string(),
  hash: z.string(),
  title: z.string(),
  submit: plainText.nullable(),
  close: plainText.nullable(),
  blocks,
  /** By block id, by action id: each input's value as far as Slack knows. */
  state: z.record(z.string(), z.record(z.string(), z.looseObject({ type: z.string() }))),
});
export type ViewData = z.output<typeof view>;

export const PERSON_KEYS = ['superadmin', 'engineer', 'externalUser'] as const;
export const personKey = z.enum(PERSON_KEYS);
export type PersonKey = z.output<typeof personKey>;

const person = z.object({
  key: personKey,
  id: z.string(),
  name: z.string(),
  role: z.string(),
  ephemerals: z.array(ephemeral),
  /** Topmost last. */
  modals: z.array(view),
  home: view.nullable(),
  /** The app's direct messages to this person, oldest first. */
  directMessages: z.array(message),
  /** What their authenticator shows; null if they have none. */
  code: z.object({ digits: z.string(), used: z.boolean() }).nullable(),
});
export type PersonData = z.output<typeof person>;

const channel = z.object({ id: z.string(), name: z.string(), hasApp: z.boolean() });
export type ChannelData = z.output<typeof channel>;

const release = z.object({
  version: z.number(),
  status: z.enum(['pending', 'succeeded', 'failed', 'expired']),
  current: z.boolean(),
  at: z.string(),
  user: z.string(),
  description: z.string(),
});

export const herokuSwitch = z.enum(['slow', 'error_500', 'reset', 'release_fails']);
export type HerokuSwitchName = z.output<typeof herokuSwitch>;

const heroku = z.object({
  app: z.string(),
  /** The promotions' config vars, by name; null if not set. */
  vars: z.record(z.string(), z.string().nullable()),
  /** Newest first. */
  releases: z.array(release),
  switches: z.record(herokuSwitch, z.boolean()),
});

/** What rings on the pager, newest first. */
const page = z.object({
  key: z.string(),
  status: z.enum(['triggered', 'acknowledged', 'resolved']),
  summary: z.string(),
  openedAt: z.string(),
  links: z.array(z.object({ href: z.string(), text: z.string() })),
});
export type PageData = z.output<typeof page>;

const row = z.object({
  id: z.string(),
  flagKey: z.string(),
  state: z.string(),
  checkpoint: z.string().nullable(),
  leased: z.boolean(),
  lastError: z.string().nullable(),
  rcaUrl: z.string().nullable(),
});

export const GUIDE_STEPS = ['alert', 'evidence', 'completed', 'rca', 'kill'] as const;
export type GuideStep = (typeof GUIDE_STEPS)[number];

export const snapshot = z.object({
  transport: z.enum(['http', 'socket']),
  bot: z.object({ id: z.string(), name: z.string() }),
  command: z.object({
    name: z.string(),
    words: z.array(z.object({ usage: z.string(), does: z.string() })),
  }),
  shortcuts: z.array(z.object({ name: z.string(), callbackId: z.string() })),
  names: z.record(z.string(), z.string()),
  channels: z.array(channel),
  /** Oldest first, including replies. */
  messages: z.array(message),
  people: z.array(person),
  heroku,
  pages: z.array(page),
  /** The verified webhooks' types, newest first. */
  webhooks: z.array(z.object({ id: z.string(), type: z.string() })),
  /** How far the world's clock is ahead of the machine's, in ms. */
  clockOffsetMs: z.number(),
  /** Until when Slack is down; null if it isn't. */
  slackDownUntil: z.string().nullable(),
  app: z.object({
    status: z.enum(['starting', 'up', 'down']),
    pid: z.number().nullable(),
    starts: z.number(),
    kills: z.number(),
    killAtNextChange: z.boolean(),
  }),
  rows: z.array(row),
  guide: z.record(z.enum(GUIDE_STEPS), z.boolean()),
});
export type Snapshot = z.output<typeof snapshot>;
