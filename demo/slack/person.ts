import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { checkView } from './block-kit.js';
import type { Acknowledgement, Payload } from './deliver.js';
import { type FormValues, fillForm, inputsOf } from './form.js';
import type { EphemeralMessage, OpenView, Screens, StoredMessage } from './screen.js';

/** What a person is told where the app did not answer in time. */
export const NO_ANSWER = 'We had some trouble connecting. Try again?';

export type SimpleOutcome = { readonly kind: 'acknowledged' } | { readonly kind: 'failed'; readonly message: string };

export type SubmitOutcome =
  | { readonly kind: 'closed' }
  | { readonly kind: 'updated'; readonly view: OpenView }
  | { readonly kind: 'errors'; readonly errors: Readonly<Record<string, string>> }
  /** Slack's client did not send it. */
  | { readonly kind: 'not_sent'; readonly errors: Readonly<Record<string, string>> }
  | { readonly kind: 'failed'; readonly message: string };

/** What the stand-in gives its people. */
export interface PersonSurroundings {
  readonly appId: string;
  readonly botUserId: string;
  readonly teamId: string;
  readonly domain: string;
  readonly screens: Screens;
  readonly apiUrl: string;
  deliver(payload: Payload): Promise<Acknowledgement>;
  /** Delivers an event, where the app is subscribed to it, until it is acknowledged. */
  deliverEvent(subscription: string, event: Readonly<Record<string, unknown>>): Promise<void>;
  trigger(userId: string): Promise<string>;
  post(name: string, args: { channel: string; text: string; thread_ts?: string }): Promise<string>;
  messages(channel: string): Promise<readonly StoredMessage[]>;
  /** Puts a view that an acknowledgement carried in the place of one on screen. */
  replaceView(viewId: string, view: Readonly<Record<string, unknown>>): Promise<OpenView>;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly teamId: string;
  /** `/flag-promotions` and the text. */
  command(text: string, options?: { readonly channel?: string }): Promise<SimpleOutcome>;
  /** @throws where there is no such visible element */
  click(
    message: StoredMessage | EphemeralMessage,
    actionId: string,
    options?: { readonly value?: string },
  ): Promise<SimpleOutcome>;
  /** The topmost modal. */
  modal(): OpenView | undefined;
  waitForModal(predicate?: (view: OpenView) => boolean, timeoutMs?: number): Promise<OpenView>;
  /** Fills in and sends the topmost modal. @throws where none is open, or it has no such field */
  submit(values: FormValues): Promise<SubmitOutcome>;
  closeModal(): void;
  /** Puts a view back on screen: what a person has before them whose app never heard that it closed. */
  reopen(view: OpenView | undefined): void;
  /** Posts a message as this person; answers its ts. */
  say(text: string, options?: { readonly channel?: string; readonly threadTs?: string }): Promise<string>;
  messageShortcut(callbackId: string, channel: string, ts: string): Promise<SimpleOutcome>;
  ephemerals(): readonly EphemeralMessage[];
  waitForEphemeral(predicate?: (message: EphemeralMessage) => boolean, timeoutMs?: number): Promise<EphemeralMessage>;
}

const clickable = z.looseObject({
  type: z.string(),
  action_id: z.string(),
  value: z.string().optional(),
  url: z.string().optional(),
});
const DEFAULT_WAIT_MS = 5_000;

export function createPerson(
  who: { readonly id: string; readonly name: string; readonly teamId: string; readonly home: string },
  around: PersonSurroundings,
): Person {
  const screen = () => around.screens.of(who.id);
  const user = { id: who.id, username: who.name, name: who.name, team_id: who.teamId };
  const envelope = {
    user,
    api_app_id: around.appId,
    token: 'deprecated',
    team: { id: around.teamId, domain: around.domain },
    enterprise: null,
    is_enterprise_install: false,
  };
  const responseUrl = (target: { channel: string; threadTs: string | null; originalId: string | null }) =>
    `${around.apiUrl}/response/${around.screens.responseFor({ userId: who.id, ...target })}`;

  function outcomeOf(answer: Acknowledgement): SimpleOutcome {
    return answer.kind === 'answered' && answer.status === 200
      ? { kind: 'acknowledged' }
      : { kind: 'failed', message: NO_ANSWER };
  }

  const person: Person = {
    id: who.id,
    name: who.name,
    teamId: who.teamId,

    async command(text, options = {}) {
      const channel = options.channel ?? who.home;
      const answer = await around.deliver({
        kind: 'command',
        form: {
          token: 'deprecated',
          team_id: who.teamId,
          team_domain: around.domain,
          channel_id: channel,
          channel_name: 'channel',
          user_id: who.id,
          user_name: who.name,
          command: '/flag-promotions',
          text,
          api_app_id: around.appId,
          is_enterprise_install: 'false',
          response_url: responseUrl({ channel, threadTs: null, originalId: null }),
          trigger_id: await around.trigger(who.id),
        },
      });
      if (answer.kind !== 'answered' || answer.status !== 200) {
        around.screens.whisper(who.id, {
          channel,
          threadTs: null,
          blocks: [],
          text: '/flag-promotions failed with the error "operation_timeout"',
        });
        return { kind: 'failed', message: 'operation_timeout' };
      }
      const shown = z
        .union([z.string(), z.object({ text: z.string() }).transform((body) => body.text)])
        .safeParse(answer.body);
      if (shown.success && shown.data !== '')
        around.screens.whisper(who.id, { channel, threadTs: null, blocks: [], text: shown.data });
      return { kind: 'acknowledged' };
    },

    async click(message, actionId, options = {}) {
      const { element, blockId, inAttachment } = findElement(message, actionId, options.value);
      const isEphemeral = 'id' in message;
      const shown = isEphemeral
        ? { ts: `${Date.now() / 1000}`, text: message.text }
        : {
            type: 'message',
            ts: message.ts,
            text: message.text,
            user: message.user,
            blocks: message.blocks,
            attachments: message.attachments,
            ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
          };
      return outcomeOf(
        await around.deliver({
          kind: 'interaction',
          payload: {
            type: 'block_actions',
            ...envelope,
            trigger_id: await around.trigger(who.id),
            response_url: responseUrl({
              channel: message.channel,
              threadTs: message.threadTs,
              originalId: isEphemeral ? message.id : null,
            }),
            channel: { id: message.channel, name: 'channel' },
            container: {
              type: inAttachment ? 'message_attachment' : 'message',
              message_ts: shown.ts,
              channel_id: message.channel,
              is_ephemeral: isEphemeral,
              ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
            },
            ...(isEphemeral ? {} : { message: shown }),
            state: { values: {} },
            actions: [{ ...element, block_id: blockId, action_ts: `${Date.now() / 1000}` }],
          },
        }),
      );
    },

    modal: () => screen().views.at(-1),

    async waitForModal(predicate = () => true, timeoutMs = DEFAULT_WAIT_MS) {
      return waitFor(() => screen().views.filter(predicate).at(-1), timeoutMs, `${who.name} sees no such modal`);
    },

    async submit(values) {
      const view = person.modal();
      if (view === undefined) throw new Error(`${who.name} has no modal open.`);
      const filled = fillForm(view.blocks, values);
      if (!filled.ok) return { kind: 'not_sent', errors: filled.errors };
      const answer = await around.deliver({
        kind: 'interaction',
        payload: {
          type: 'view_submission',
          ...envelope,
          trigger_id: await around.trigger(who.id),
          view: { ...view.raw, state: { values: filled.state } },
          response_urls: [],
        },
      });
      if (answer.kind !== 'answered' || answer.status !== 200) return { kind: 'failed', message: NO_ANSWER };
      return applyAnswer(view, answer.body);
    },

    closeModal() {
      screen().views.pop();
    },

    reopen(view) {
      if (view !== undefined && !around.screens.isOpen(view.id)) screen().views.push(view);
    },

    async say(text, options = {}) {
      const channel = options.channel ?? who.home;
      const { threadTs } = options;
      const ts = await around.post(who.name, {
        channel,
        text,
        ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
      });
      const event = {
        user: who.id,
        text,
        ts,
        channel,
        team: who.teamId,
        user_team: who.teamId,
        source_team: who.teamId,
        event_ts: ts,
        client_msg_id: randomUUID(),
        ...(threadTs === undefined ? {} : { thread_ts: threadTs }),
      };
      await around.deliverEvent('message.channels', { ...event, type: 'message', channel_type: 'channel' });
      if (text.includes(`<@${around.botUserId}>`))
        await around.deliverEvent('app_mention', { ...event, type: 'app_mention' });
      return ts;
    },

    async messageShortcut(callbackId, channel, ts) {
      const message = (await around.messages(channel)).find((one) => one.ts === ts);
      if (message === undefined) throw new Error(`There is no message ${ts}.`);
      return outcomeOf(
        await around.deliver({
          kind: 'interaction',
          payload: {
            type: 'message_action',
            ...envelope,
            callback_id: callbackId,
            trigger_id: await around.trigger(who.id),
            response_url: responseUrl({ channel, threadTs: message.threadTs, originalId: null }),
            message_ts: ts,
            action_ts: `${Date.now() / 1000}`,
            channel: { id: channel, name: 'channel' },
            message: {
              type: 'message',
              user: message.user,
              ts,
              text: message.text,
              ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
            },
          },
        }),
      );
    },

    ephemerals: () => [...screen().ephemerals],

    async waitForEphemeral(predicate = () => true, timeoutMs = DEFAULT_WAIT_MS) {
      return waitFor(() => screen().ephemerals.filter(predicate).at(-1), timeoutMs, `${who.name} sees no such message`);
    },
  };

  /** https://docs.slack.dev/surfaces/modals#updating_response */
  async function applyAnswer(view: OpenView, body: unknown): Promise<SubmitOutcome> {
    const remove = (): void => {
      screen().views = screen().views.filter((shown) => shown.id !== view.id);
    };
    if (isEmpty(body)) {
      remove();
      return { kind: 'closed' };
    }
    const action = z
      .discriminatedUnion('response_action', [
        z.object({ response_action: z.literal('clear') }),
        z.object({ response_action: z.literal('errors'), errors: z.record(z.string(), z.string().min(1)) }),
        z.object({ response_action: z.literal('update'), view: z.record(z.string(), z.unknown()) }),
      ])
      .parse(body);
    switch (action.response_action) {
      case 'clear':
        screen().views = [];
        return { kind: 'closed' };
      case 'errors': {
        const fields = new Set(inputsOf(view.blocks).map(({ block_id }) => block_id));
        const stray = Object.keys(action.errors).filter((name) => !fields.has(name));
        if (stray.length > 0) throw new Error(`Errors for fields that the modal does not have: ${stray.join(', ')}`);
        return { kind: 'errors', errors: action.errors };
      }
      case 'update': {
        const problems = checkView(action.view);
        if (problems.length > 0) throw new Error(`Slack would refuse this view: ${JSON.stringify(problems)}`);
        return { kind: 'updated', view: await around.replaceView(view.id, action.view) };
      }
    }
  }

  return person;
}

/** An acknowledgement without content closes the modal; over Socket Mode it comes as an empty object. */
function isEmpty(body: unknown): boolean {
  return body === '' || body === null || body === undefined || z.strictObject({}).safeParse(body).success;
}

function findElement(message: StoredMessage | EphemeralMessage, actionId: string, value: string | undefined) {
  const attachments = 'attachments' in message ? message.attachments : [];
  const inside = attachments.flatMap(
    (attachment) => z.looseObject({ blocks: z.array(z.unknown()).default([]) }).parse(attachment).blocks,
  );
  const candidates = [
    ...message.blocks.map((block) => ({ block, inAttachment: false })),
    ...inside.map((block) => ({ block, inAttachment: true })),
  ];
  for (const { block, inAttachment } of candidates) {
    const { block_id, elements, accessory } = z
      .looseObject({
        block_id: z.string().default('generated'),
        elements: z.array(z.unknown()).default([]),
        accessory: z.unknown().optional(),
      })
      .parse(block);
    for (const candidate of [...elements, accessory]) {
      const parsed = clickable.safeParse(candidate);
      if (!parsed.success || parsed.data.action_id !== actionId) continue;
      if (value !== undefined && parsed.data.value !== value) continue;
      return { element: parsed.data, blockId: block_id, inAttachment };
    }
  }
  throw new Error(`There is no ${actionId} to click on: ${JSON.stringify(message).slice(0, 500)}`);
}

async function waitFor<T>(look: () => T | undefined, timeoutMs: number, otherwise: string): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(otherwise);
    await sleep(10);
  }
}
