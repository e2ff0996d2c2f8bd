import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { assertMessage } from './block-kit.js';
import type { Acknowledgement, Payload } from './deliver.js';
import { actionOf, findElement } from './elements.js';
import { assertEnterable, clientErrors, type FieldValue, type FormValues } from './form.js';
import type { Channel } from './emulated.js';
import type { Draft } from './events.js';
import type { SpokenSubtype } from './messages.js';
import type { ResponseTarget, ResponseUrls } from './response-urls.js';
import { type EphemeralMessage, type Screens, type StoredMessage, tsOf } from './screen.js';
import { applyAcknowledgement, type SubmitOutcome } from './submission.js';
import type { Triggers } from './triggers.js';
import type { OpenView, Views } from './views.js';

export type { SubmitOutcome };

/** The error that Slack shows if the app doesn't answer in time. */
const NO_ANSWER = 'We had some trouble connecting. Try again?';

export type SimpleOutcome =
  | { readonly kind: 'acknowledged' }
  /** The app didn't acknowledge with 200 within 3 s. `message`: what the person sees. */
  | { readonly kind: 'failed'; readonly message: string };
type CommandOutcome = SimpleOutcome;
type ClickOutcome = SimpleOutcome;

/** What the stand-in gives its people. */
export interface PersonSurroundings {
  readonly appId: string;
  readonly teamId: string;
  readonly domain: string;
  readonly screens: Screens;
  readonly views: Views;
  readonly triggers: Triggers;
  readonly responseUrls: ResponseUrls;
  readonly channel: (id: string) => Channel;
  deliver(payload: Payload): Promise<Acknowledgement>;
  /** Resolves once the app has acknowledged the event, or was given up. */
  deliverEvent(subscription: string, event: Readonly<Record<string, unknown>>): Promise<void>;
  /** Posts in a user's name; resolves with its ts. */
  post(userId: string, args: Readonly<Record<string, unknown>>, subtype?: SpokenSubtype): Promise<string>;
  /** Resolves once the app has acknowledged a message's event, or was given up. */
  heardOf(channel: string, ts: string): Promise<void>;
  composed(draft: Draft): Promise<void>;
  messages(channel: string): Promise<readonly StoredMessage[]>;
  directMessages(userId: string): Promise<readonly StoredMessage[]>;
  clock(): Date;
  /** Whether a view is still loading, as a person reads it. */
  isLoading(view: OpenView): boolean;
}

interface ClickOptions {
  /**
   * Picks among buttons that share an action id; the chosen option's value in a menu; the ticked ones in checkboxes;
   * otherwise what is entered.
   */
  readonly value?: FieldValue;
}

interface CommandOptions {
  /** By default their own. */
  readonly channel?: string;
}

interface SayOptions {
  readonly channel?: string;
  readonly threadTs?: string;
  readonly unheard?: boolean;
  /** In a reply: also send it to the channel. */
  readonly broadcast?: boolean;
  /** With a file, or as `/me`. */
  readonly as?: SpokenSubtype;
}

/** Somebody in the workspace, and what they can do. Times are in milliseconds. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly teamId: string;
  /**
   * Runs `/flag-promotions` with this text, by default in the alerts channel.
   * @throws if the acknowledgement carries a message that Slack would refuse
   */
  command(text: string, options?: CommandOptions): Promise<CommandOutcome>;
  /**
   * Runs the command. Resolves with the app's first answer to it; other messages to this person don't count.
   * @throws if Slack shows an error, or nothing came within 60 s
   */
  ask(text: string, options?: CommandOptions): Promise<EphemeralMessage>;
  /**
   * Clicks in a message as this person sees it, which may be older than Slack's.
   * @throws if the message shows no such element
   */
  click(message: StoredMessage | EphemeralMessage, actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  /** Clicks in the topmost modal. @throws if none is open, or it shows no such element */
  clickInModal(actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  modal(): OpenView | undefined;
  /** The whole stack, topmost last. */
  modals(): readonly OpenView[];
  /**
   * The first modal that matches, by default one that isn't loading. @throws if there is none within `timeoutMs`,
   * default 60,000
   */
  waitForModal(predicate?: (view: OpenView) => boolean, timeoutMs?: number): Promise<OpenView>;
  /** Enters values into the topmost modal, by block id, without sending. @throws if it has no such field */
  fill(values: FormValues): OpenView;
  /**
   * Enters values into the topmost modal, in addition to earlier ones, and submits it.
   * @throws if none is open, it has no such field or no submit button, or Slack couldn't use the answer
   */
  submit(values?: FormValues): Promise<SubmitOutcome>;
  /** Closes the topmost modal, or all with `all`. Sends `view_closed` if the view has `notify_on_close`. */
  closeModal(options?: { readonly all?: boolean }): Promise<void>;
  /** Shows a closed view again, as for a person whose client never heard that it closed. */
  reopen(view: OpenView | undefined): void;
  /**
   * Posts a message in Slack's markup, by default to the alerts channel, and turns bare addresses into links as Slack's
   * client does. Resolves with its ts once the app has acknowledged the event or was given up; with `unheard`, at once.
   */
  say(text: string, options?: SayOptions): Promise<string>;
  /**
   * Types text, in Slack's markup, into the message field without sending it. Resolves with the draft's id once the app
   * has acknowledged what Slack reports of its links, or was given up.
   */
  compose(text: string): Promise<string>;
  /** Uses a message's shortcut. @throws if there is no such message */
  messageShortcut(callbackId: string, channel: string, ts: string): Promise<ClickOutcome>;
  /** Opens the app's home tab; resolves once the app has acknowledged the event, or was given up. */
  openHome(): Promise<void>;
  /** The home tab; undefined if nothing was published yet. */
  home(): OpenView | undefined;
  /** Clicks in the home tab. @throws if it shows no such element */
  clickInHome(actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  /** The app's direct messages to this person, oldest first. */
  directMessages(): Promise<readonly StoredMessage[]>;
  /** What only this person sees, oldest first. */
  ephemerals(): readonly EphemeralMessage[];
  /** Removes an ephemeral message from their screen; the app isn't told. */
  dismiss(id: string): void;
  /** The last ephemeral message that matches. @throws if there is none within `timeoutMs`, default 60,000 */
  waitForEphemeral(predicate?: (message: EphemeralMessage) => boolean, timeoutMs?: number): Promise<EphemeralMessage>;
}

const COMMAND = '/flag-promotions';
const DEFAULT_WAIT_MS = 60_000;

export interface WhoIsWho {
  readonly id: string;
  readonly name: string;
  readonly teamId: string;
  /** Their default channel. */
  readonly home: string;
  /** Another app's bot can post, and nothing else. */
  readonly isBot: boolean;
}

export function createPerson(who: WhoIsWho, around: PersonSurroundings): Person {
  const { screens, views, triggers } = around;
  const envelope = {
    user: { id: who.id, username: who.name, name: who.name, team_id: who.teamId },
    api_app_id: around.appId,
    token: 'deprecated',
    team: { id: around.teamId, domain: around.domain },
    enterprise: null,
    is_enterprise_install: false,
  };
  const responseUrl = (target: Omit<ResponseTarget, 'userId'>): string =>
    around.responseUrls.issue({ userId: who.id, ...target });
  const triggerFor = (viewId: string | null): string => triggers.issue({ userId: who.id, viewId });
  const channelField = (id: string) => {
    const { name, isPrivate } = around.channel(id);
    return { id, name: isPrivate ? 'privategroup' : name };
  };

  function assertHands(): void {
    if (who.isBot) throw new Error(`${who.name} is a bot: it can post, and nothing else.`);
  }

  async function interact(payload: Readonly<Record<string, unknown>>): Promise<Acknowledgement> {
    assertHands();
    return around.deliver({ kind: 'interaction', payload: { ...envelope, ...payload } });
  }

  function topmost(): OpenView {
    const view = person.modal();
    if (view === undefined) throw new Error(`${who.name} has no modal open.`);
    return view;
  }

  async function clickInView(view: OpenView, actionId: string, value: FieldValue | undefined): Promise<ClickOutcome> {
    const found = findElement(view, actionId, value);
    const isModal = view.raw['type'] === 'modal';
    const isInput = view.blocks.some(
      (block) => z.object({ type: z.literal('input'), block_id: z.literal(found.blockId) }).safeParse(block).success,
    );
    const shown = isInput && isModal && value !== undefined ? views.enter(view.id, { [found.blockId]: value }) : view;
    return outcomeOf(
      await interact({
        type: 'block_actions',
        container: { type: 'view', view_id: view.id },
        trigger_id: triggerFor(isModal ? view.id : null),
        view: shown.raw,
        actions: [actionOf(found, value)],
      }),
    );
  }

  /** `answer`: what the app showed first in answer to it, as it stands now. */
  async function runCommand(
    text: string,
    options: CommandOptions,
  ): Promise<{ readonly outcome: CommandOutcome; readonly answer: () => EphemeralMessage | undefined }> {
    assertHands();
    const channel = options.channel ?? who.home;
    const url = responseUrl({ channel, threadTs: null, original: null });
    const answered = () => screens.of(who.id).find(({ id }) => id === around.responseUrls.shownBy(url));
    const answer = await around.deliver({
      kind: 'command',
      form: {
        token: 'deprecated',
        team_id: who.teamId,
        team_domain: around.domain,
        channel_id: channel,
        channel_name: channelField(channel).name,
        user_id: who.id,
        user_name: who.name,
        command: COMMAND,
        text,
        api_app_id: around.appId,
        is_enterprise_install: 'false',
        response_url: url,
        trigger_id: triggerFor(null),
      },
    });
    const fault = commandFault(answer);
    if (fault !== null) {
      const words = `${COMMAND} failed with the error "${fault}"`;
      const content = { text: words, blocks: [], attachments: [] };
      screens.whisper(who.id, { channel, threadTs: null, ts: tsOf(around.clock()), ...content, bySlack: true });
      return { outcome: { kind: 'failed', message: fault }, answer: answered };
    }
    const body = answer.kind === 'answered' ? answer.body : '';
    const message = typeof body === 'string' ? { text: body } : z.record(z.string(), z.unknown()).parse(body ?? {});
    if (Object.values(message).some((value) => value !== '')) {
      assertMessage(message);
      await around.responseUrls.acknowledge(url, message);
    }
    return { outcome: { kind: 'acknowledged' }, answer: answered };
  }

  const person: Person = {
    id: who.id,
    name: who.name,
    teamId: who.teamId,

    command: async (text, options = {}) => (await runCommand(text, options)).outcome,

    async ask(text, options = {}) {
      const { outcome, answer } = await runCommand(text, options);
      if (outcome.kind === 'failed') throw new Error(`${COMMAND} ${text} failed: ${outcome.message}`);
      return waitFor(answer, DEFAULT_WAIT_MS, `${who.name} sees no answer to ${COMMAND} ${text}.`);
    },

    async click(message, actionId, options = {}) {
      const found = findElement(message, actionId, options.value);
      const isEphemeral = 'id' in message;
      const inThread = message.threadTs === null ? {} : { thread_ts: message.threadTs };
      const action = actionOf(found, options.value);
      const { metadata: _metadata, ...shown } = isEphemeral ? { metadata: null } : message.raw;
      return outcomeOf(
        await interact({
          type: 'block_actions',
          trigger_id: triggerFor(null),
          response_url: responseUrl({
            channel: message.channel,
            threadTs: message.threadTs,
            original: isEphemeral ? { kind: 'ephemeral', id: message.id } : { kind: 'message', ts: message.ts },
          }),
          channel: channelField(message.channel),
          container: {
            type: found.inAttachment ? 'message_attachment' : 'message',
            message_ts: message.ts,
            channel_id: message.channel,
            is_ephemeral: isEphemeral,
            ...(found.inAttachment ? { attachment_id: 1, is_app_unfurl: false } : {}),
            ...inThread,
          },
          // Slack's payload holds no ephemeral message.
          ...(isEphemeral ? {} : { message: shown }),
          state: {
            values: found.element.type === 'button' ? {} : { [found.blockId]: { [actionId]: action } },
          },
          actions: [action],
        }),
      );
    },

    clickInModal: async (actionId, options = {}) => clickInView(topmost(), actionId, options.value),

    modal: () => views.modalsOf(who.id).at(-1),

    modals: () => views.modalsOf(who.id),

    async waitForModal(predicate = (view) => !around.isLoading(view), timeoutMs = DEFAULT_WAIT_MS) {
      const look = () => views.modalsOf(who.id).filter(predicate).at(-1);
      return waitFor(look, timeoutMs, `${who.name} sees no such modal.`);
    },

    fill(values) {
      const view = topmost();
      assertEnterable(view.blocks, values);
      return views.enter(view.id, values);
    },

    async submit(values = {}) {
      const view = person.fill(values);
      if (view.raw['submit'] === null) throw new Error(`“${view.title}” has no submit button.`);
      const entered = views.enteredIn(view.id);
      const errors = clientErrors(view.blocks, entered);
      if (Object.keys(errors).length > 0) return { kind: 'not_sent', errors };
      const answer = await interact({
        type: 'view_submission',
        trigger_id: triggerFor(view.id),
        view: view.raw,
        response_urls: [],
      });
      if (answer.kind !== 'answered' || answer.status !== 200) return { kind: 'failed', message: NO_ANSWER };
      return applyAcknowledgement(views, who.id, view, answer.body);
    },

    async closeModal(options = {}) {
      const view = topmost();
      const closesAll = options.all === true || view.raw['clear_on_close'] === true;
      if (closesAll) views.closeAll(who.id);
      else views.close(view.id);
      if (view.raw['notify_on_close'] !== true) return;
      await interact({ type: 'view_closed', view: view.raw, is_cleared: closesAll });
    },

    reopen(view) {
      if (view !== undefined) views.reopen(who.id, view);
    },

    async say(text, options = {}) {
      const channel = options.channel ?? who.home;
      const args = {
        channel,
        text: withLinks(text),
        ...(options.threadTs === undefined ? {} : { thread_ts: options.threadTs }),
        ...(options.broadcast === true ? { reply_broadcast: true } : {}),
      };
      const ts = await around.post(who.id, args, options.as);
      if (options.unheard !== true) await around.heardOf(channel, ts);
      return ts;
    },

    async compose(text) {
      const draft = `${who.id}-${randomUUID()}`;
      await around.composed({ user: who.id, text: withLinks(text), draft });
      return draft;
    },

    async messageShortcut(callbackId, channel, ts) {
      const message = (await around.messages(channel)).find((one) => one.ts === ts);
      if (message === undefined) throw new Error(`There is no message ${ts}.`);
      const { metadata: _metadata, ...shown } = message.raw;
      return outcomeOf(
        await interact({
          type: 'message_action',
          callback_id: callbackId,
          trigger_id: triggerFor(null),
          response_url: responseUrl({ channel, threadTs: message.threadTs, original: null }),
          message_ts: ts,
          action_ts: tsOf(around.clock()),
          channel: channelField(channel),
          message: shown,
        }),
      );
    },

    async openHome() {
      assertHands();
      const view = person.home();
      await around.deliverEvent('app_home_opened', {
        type: 'app_home_opened',
        user: who.id,
        channel: `D${who.id.slice(1)}`,
        tab: 'home',
        event_ts: tsOf(around.clock()),
        ...(view === undefined ? {} : { view: view.raw }),
      });
    },

    home: () => views.homeOf(who.id),

    async clickInHome(actionId, options = {}) {
      const view = person.home();
      if (view === undefined) throw new Error(`${who.name} has an empty home tab.`);
      return clickInView(view, actionId, options.value);
    },

    directMessages: () => around.directMessages(who.id),

    ephemerals: () => [...screens.of(who.id)],

    dismiss: (id) => screens.dismiss(who.id, id),

    async waitForEphemeral(predicate = () => true, timeoutMs = DEFAULT_WAIT_MS) {
      const look = () => screens.of(who.id).filter(predicate).at(-1);
      return waitFor(look, timeoutMs, `${who.name} sees no such message.`);
    },
  };

  return person;
}

function outcomeOf(answer: Acknowledgement): SimpleOutcome {
  const isAcknowledged = answer.kind === 'answered' && answer.status === 200;
  return isAcknowledged ? { kind: 'acknowledged' } : { kind: 'failed', message: NO_ANSWER };
}

/** Slack's error for a failed command; null if it was acknowledged. */
function commandFault(answer: Acknowledgement): string | null {
  if (answer.kind === 'timeout') return 'operation_timeout';
  return answer.kind === 'answered' && answer.status === 200 ? null : 'dispatch_failed';
}

/** Slack's client links addresses outside existing links. */
function withLinks(text: string): string {
  return text.replaceAll(/<[^>]*>|https?:\/\/[^\s<>|]+/gu, (found) => (found.startsWith('<') ? found : `<${found}>`));
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
