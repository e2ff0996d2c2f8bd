import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { assertMessage } from './block-kit.js';
import type { Acknowledgement, Payload } from './deliver.js';
import { actionOf, findElement } from './elements.js';
import { assertEnterable, clientErrors, type FieldValue, type FormValues } from './form.js';
import type { Channel } from './emulated.js';
import type { SpokenSubtype } from './messages.js';
import type { ResponseTarget, ResponseUrls } from './response-urls.js';
import { type EphemeralMessage, type Screens, type StoredMessage, tsOf } from './screen.js';
import { applyAcknowledgement, type SubmitOutcome } from './submission.js';
import type { Triggers } from './triggers.js';
import type { OpenView, Views } from './views.js';

export type { SubmitOutcome };

/** What a person is told where the app did not answer in time. */
export const NO_ANSWER = 'We had some trouble connecting. Try again?';

export type SimpleOutcome =
  | { readonly kind: 'acknowledged' }
  /** The app did not acknowledge within 3 s, or not with a 200: what the person is told. */
  | { readonly kind: 'failed'; readonly message: string };
export type CommandOutcome = SimpleOutcome;
export type ClickOutcome = SimpleOutcome;

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
  /** Posts in a user's name; its ts. */
  post(userId: string, args: Readonly<Record<string, unknown>>, subtype?: SpokenSubtype): Promise<string>;
  /** Resolves once the app has acknowledged hearing of a message, or was given up. */
  heardOf(channel: string, ts: string): Promise<void>;
  messages(channel: string): Promise<readonly StoredMessage[]>;
  directMessages(userId: string): Promise<readonly StoredMessage[]>;
  clock(): Date;
  /** Whether a view still waits for what it is to show, as a person reads it. */
  isLoading(view: OpenView): boolean;
}

export interface ClickOptions {
  /**
   * Of buttons that share an action id, the one with this value; in a menu, the value of the option that is chosen;
   * in checkboxes, those that are ticked then; elsewhere what is entered.
   */
  readonly value?: FieldValue;
}

export interface SayOptions {
  readonly channel?: string;
  readonly threadTs?: string;
  readonly unheard?: boolean;
  /** A reply: "also send to channel" is ticked. */
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
   * Runs `/flag-promotions` with this text, in the alerts channel unless told.
   * @throws where the acknowledgement carries a message that Slack would refuse
   */
  command(text: string, options?: { readonly channel?: string }): Promise<CommandOutcome>;
  /**
   * Clicks on what is in a message: the message as this person sees it, which may be older than what Slack has.
   * @throws where the message shows no such element
   */
  click(message: StoredMessage | EphemeralMessage, actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  /** Clicks on what is in the topmost modal. @throws where none is open, or it shows no such element */
  clickInModal(actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  /** The topmost modal. */
  modal(): OpenView | undefined;
  /** The whole stack, the topmost last. */
  modals(): readonly OpenView[];
  /** The modal that a predicate fits, or one that loads nothing any more. @throws where there is none within `timeoutMs`, 60,000 unless told */
  waitForModal(predicate?: (view: OpenView) => boolean, timeoutMs?: number): Promise<OpenView>;
  /** Enters values into the topmost modal, by block id, and sends nothing. @throws where it has no such field */
  fill(values: FormValues): OpenView;
  /**
   * Enters values into the topmost modal and submits it. What was entered before stays entered.
   * @throws where none is open, it has no such field or no submit button, or Slack could make nothing of the answer
   */
  submit(values?: FormValues): Promise<SubmitOutcome>;
  /** Closes the topmost modal, or with `all` the whole stack; the app hears of it where it asked to. */
  closeModal(options?: { readonly all?: boolean }): Promise<void>;
  /** Puts a view back on screen: what a person has before them whose client never heard that it closed. */
  reopen(view: OpenView | undefined): void;
  /**
   * Posts a message, in Slack's own markup, to the alerts channel unless told; its ts, once the app has acknowledged
   * what it hears of it, or was given up; with `unheard` at once. Bare web addresses become links, as in Slack's client.
   */
  say(text: string, options?: SayOptions): Promise<string>;
  /** Uses a message's shortcut. @throws where there is no such message */
  messageShortcut(callbackId: string, channel: string, ts: string): Promise<ClickOutcome>;
  /** Opens the app's home tab; resolves once the app has acknowledged hearing of it, or was given up. */
  openHome(): Promise<void>;
  /** What the home tab shows; undefined where nothing was published yet. */
  home(): OpenView | undefined;
  /** Clicks on what is in the home tab. @throws where it shows no such element */
  clickInHome(actionId: string, options?: ClickOptions): Promise<ClickOutcome>;
  /** What the app wrote to this person directly, the oldest first. */
  directMessages(): Promise<readonly StoredMessage[]>;
  /** What only this person sees, in the order in which it came. */
  ephemerals(): readonly EphemeralMessage[];
  /** Takes a message that only this person sees off their screen; the app does not hear of it. */
  dismiss(id: string): void;
  /** The last of these that a predicate fits. @throws where there is none within `timeoutMs`, 60,000 unless told */
  waitForEphemeral(predicate?: (message: EphemeralMessage) => boolean, timeoutMs?: number): Promise<EphemeralMessage>;
}

const COMMAND = '/flag-promotions';
const DEFAULT_WAIT_MS = 60_000;

export interface WhoIsWho {
  readonly id: string;
  readonly name: string;
  readonly teamId: string;
  /** The channel that they are in unless told. */
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

  const person: Person = {
    id: who.id,
    name: who.name,
    teamId: who.teamId,

    async command(text, options = {}) {
      assertHands();
      const channel = options.channel ?? who.home;
      const target = { channel, threadTs: null, original: null };
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
          response_url: responseUrl(target),
          trigger_id: triggerFor(null),
        },
      });
      const fault = commandFault(answer);
      if (fault !== null) {
        const words = `${COMMAND} failed with the error "${fault}"`;
        const content = { text: words, blocks: [], attachments: [] };
        screens.whisper(who.id, { channel, threadTs: null, ts: tsOf(around.clock()), ...content, bySlack: true });
        return { kind: 'failed', message: fault };
      }
      const body = answer.kind === 'answered' ? answer.body : '';
      const message = typeof body === 'string' ? { text: body } : z.record(z.string(), z.unknown()).parse(body ?? {});
      if (Object.values(message).some((value) => value !== '')) {
        assertMessage(message);
        await around.responseUrls.answer({ userId: who.id, ...target }, message);
      }
      return { kind: 'acknowledged' };
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
          // Slack gives an app no ephemeral message back.
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

/** Slack's word for a command that came to nothing; null where it was acknowledged. */
function commandFault(answer: Acknowledgement): string | null {
  if (answer.kind === 'timeout') return 'operation_timeout';
  return answer.kind === 'answered' && answer.status === 200 ? null : 'dispatch_failed';
}

/** Slack's client makes links of what looks like one, outside of what is a link already. */
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
