import * as z from 'zod';
import { BLOCK, type BlockId, CONFIRMED } from '../views/ids.js';

/**
 * What Slack sends, parsed once on entry (https://docs.slack.dev/interactivity). Bolt has checked the signature;
 * nothing here grants a right: those are read from the database.
 */

const user = z.object({ id: z.string(), team_id: z.string().nullish() });
const team = z.object({ id: z.string() }).nullish();

const clickBody = z
  .object({
    user,
    team,
    trigger_id: z.string(),
    response_url: z.string().nullish(),
    actions: z
      .array(
        z.object({
          action_id: z.string(),
          value: z.string().nullish(),
          selected_option: z.object({ value: z.string() }).nullish(),
        }),
      )
      .min(1),
    container: z.object({ is_ephemeral: z.boolean().nullish() }).nullish(),
  })
  .transform((body) => ({
    userId: body.user.id,
    teamId: body.user.team_id ?? body.team?.id ?? null,
    triggerId: body.trigger_id,
    responseUrl: body.response_url ?? null,
    /** The button's, or the chosen menu entry's. */
    value: body.actions[0]?.value ?? body.actions[0]?.selected_option?.value ?? '',
    /** The button was on an ephemeral message. */
    isEphemeral: body.container?.is_ephemeral ?? false,
  }));
export type Click = z.output<typeof clickBody>;
export const unpackClick = (body: unknown): Click => clickBody.parse(body);

const fields = z.record(
  z.string(),
  z.record(
    z.string(),
    z.object({
      value: z.string().nullish(),
      selected_option: z.object({ value: z.string() }).nullish(),
      selected_user: z.string().nullish(),
      selected_options: z.array(z.object({ value: z.string() })).nullish(),
    }),
  ),
);

/** A block's one input; several ticks are joined; '' if nothing was entered. */
function fieldOf(values: z.output<typeof fields>, blockId: BlockId): string {
  const [input] = Object.values(values[blockId] ?? {});
  if (input === undefined) return '';
  const ticks = input.selected_options?.map((option) => option.value).join(',');
  return (ticks ?? input.selected_option?.value ?? input.selected_user ?? input.value ?? '').trim();
}

const draftClickBody = z
  .object({
    user,
    team,
    view: z.object({ id: z.string(), state: z.object({ values: fields }) }),
    actions: z.array(z.object({ value: z.string().nullish() })).min(1),
  })
  .transform((body) => ({
    userId: body.user.id,
    teamId: body.user.team_id ?? body.team?.id ?? null,
    viewId: body.view.id,
    value: body.actions[0]?.value ?? '',
    /** They ticked to record the draft. */
    record: fieldOf(body.view.state.values, BLOCK.recordDraft) === CONFIRMED,
  }));
/** A click in a modal, which has no response URL. */
export const unpackDraftClick = (body: unknown): z.output<typeof draftClickBody> => draftClickBody.parse(body);

const submissionBody = z
  .object({
    user,
    team,
    view: z.object({
      id: z.string(),
      private_metadata: z.string(),
      state: z.object({ values: fields }),
    }),
  })
  .transform((body) => ({
    userId: body.user.id,
    teamId: body.user.team_id ?? body.team?.id ?? null,
    viewId: body.view.id,
    privateMetadata: body.view.private_metadata,
    field: (blockId: BlockId): string => fieldOf(body.view.state.values, blockId),
  }));
export type Submission = z.output<typeof submissionBody>;
export const unpackSubmission = (body: unknown): Submission => submissionBody.parse(body);

const commandBody = z
  .object({
    user_id: z.string(),
    team_id: z.string().nullish(),
    text: z.string().default(''),
    trigger_id: z.string(),
    response_url: z.string(),
  })
  .transform((body) => ({
    userId: body.user_id,
    teamId: body.team_id ?? null,
    // No flag key or id holds a NUL, and PostgreSQL accepts none in a parameter.
    text: body.text.replaceAll('\0', ''),
    triggerId: body.trigger_id,
    responseUrl: body.response_url,
  }));
export type Command = z.output<typeof commandBody>;
export const unpackCommand = (body: unknown): Command => commandBody.parse(body);

const shortcutBody = z
  .object({
    user,
    team,
    trigger_id: z.string(),
    response_url: z.string(),
    channel: z.object({ id: z.string() }),
    message: z.object({ ts: z.string(), thread_ts: z.string().nullish(), text: z.string().nullish() }),
  })
  .transform((body) => ({
    userId: body.user.id,
    teamId: body.user.team_id ?? body.team?.id ?? null,
    triggerId: body.trigger_id,
    responseUrl: body.response_url,
    channel: body.channel.id,
    threadTs: body.message.thread_ts ?? body.message.ts,
    text: body.message.text ?? '',
  }));
export type MessageShortcut = z.output<typeof shortcutBody>;
export const unpackMessageShortcut = (body: unknown): MessageShortcut => shortcutBody.parse(body);

/** Subtypes of what people write; the others are edits, joins and other apps' messages. */
const WRITTEN_BY_PEOPLE: ReadonlySet<string> = new Set(['thread_broadcast', 'file_share', 'me_message']);

const messageEvent = z
  .object({
    team_id: z.string().nullish(),
    event: z.object({
      type: z.enum(['message', 'app_mention']),
      subtype: z.string().nullish(),
      user: z.string().nullish(),
      bot_id: z.string().nullish(),
      team: z.string().nullish(),
      user_team: z.string().nullish(),
      source_team: z.string().nullish(),
      channel: z.string(),
      ts: z.string(),
      thread_ts: z.string().nullish(),
      text: z.string().nullish(),
    }),
  })
  .transform(({ event, team_id }) => ({
    /** Rather than anything that is written. */
    isMention: event.type === 'app_mention',
    /** null: no person wrote it (bots, edits, joins). */
    userId: isWrittenByPerson(event) ? (event.user ?? null) : null,
    teamId: event.user_team ?? event.source_team ?? event.team ?? team_id ?? null,
    channel: event.channel,
    ts: event.ts,
    threadTs: event.thread_ts ?? null,
    text: event.text ?? '',
  }));
function isWrittenByPerson(event: {
  bot_id?: string | null | undefined;
  subtype?: string | null | undefined;
}): boolean {
  return event.bot_id == null && (event.subtype == null || WRITTEN_BY_PEOPLE.has(event.subtype));
}
export type MessageEvent = z.output<typeof messageEvent>;
export const unpackMessageEvent = (body: unknown): MessageEvent => messageEvent.parse(body);

const homeOpenedEvent = z
  .object({ event: z.object({ user: z.string(), tab: z.string() }) })
  .transform(({ event }) => ({ userId: event.user, tab: event.tab }));
export const unpackHomeOpened = (body: unknown): z.output<typeof homeOpenedEvent> => homeOpenedEvent.parse(body);

const linksEvent = z
  .object({
    team_id: z.string().nullish(),
    enterprise_id: z.string().nullish(),
    is_ext_shared_channel: z.boolean().nullish(),
    event: z.object({
      channel: z.string(),
      message_ts: z.string(),
      source: z.string().nullish(),
      links: z.array(z.object({ url: z.string() })),
    }),
  })
  .transform((body) => ({
    teamId: body.team_id ?? null,
    organizationId: body.enterprise_id ?? null,
    channel: body.event.channel,
    ts: body.event.message_ts,
    /** Not sent yet: Slack names no channel. */
    isDraft: body.event.source === 'composer' || body.event.channel === 'COMPOSER',
    /** People of other workspaces can read there. */
    isShared: body.is_ext_shared_channel ?? false,
    urls: body.event.links.map(({ url }) => url),
  }));
export const unpackLinksShared = (body: unknown): z.output<typeof linksEvent> => linksEvent.parse(body);

/** Where only the person who asked sees an answer. */
export type AnswerPlace =
  | { readonly at: 'response_url'; readonly responseUrl: string }
  /** A click in a modal; the title is the modal's. */
  | { readonly at: 'modal'; readonly viewId: string; readonly title: string }
  /** `isOpening`: they opened it just now, rather than clicked in it. */
  | { readonly at: 'home'; readonly userId: string; readonly isOpening: boolean }
  /** Where they mentioned the app; `threadTs` is null outside a thread. */
  | { readonly at: 'channel'; readonly channel: string; readonly user: string; readonly threadTs: string | null };

const viewTitle = z.object({ text: z.string() });
const answerPlace = z
  .union([
    z
      .object({ response_url: z.string() })
      .transform((body): AnswerPlace => ({ at: 'response_url', responseUrl: body.response_url })),
    z
      .object({ view: z.object({ type: z.literal('modal'), id: z.string(), title: viewTitle }) })
      .transform(({ view }): AnswerPlace => ({ at: 'modal', viewId: view.id, title: view.title.text })),
    z
      .object({ user, view: z.object({ type: z.literal('home') }) })
      .transform((body): AnswerPlace => ({ at: 'home', userId: body.user.id, isOpening: false })),
    z
      .object({ event: z.object({ type: z.literal('app_home_opened'), user: z.string(), tab: z.literal('home') }) })
      .transform(({ event }): AnswerPlace => ({ at: 'home', userId: event.user, isOpening: true })),
    messageEvent.transform(mentionPlace),
  ])
  .catch(null);

function mentionPlace({ isMention, userId, channel, threadTs }: MessageEvent): AnswerPlace | null {
  return isMention && userId !== null ? { at: 'channel', channel, user: userId, threadTs } : null;
}

/** null if nobody waits: Slack sends other events on its own, and bots mention, too. */
export const unpackAnswerPlace = (body: unknown): AnswerPlace | null => answerPlace.parse(body);
