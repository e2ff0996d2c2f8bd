import type { EphemeralData, MessageData } from '../protocol/snapshot.js';
import { Avatar } from './avatar.js';
import type { OnAction } from './blocks/action-element.js';
import { Blocks } from './blocks/blocks.js';
import { Menu } from './blocks/menu.js';
import { Mrkdwn } from './blocks/words.js';
import { asSent } from './drafts.js';
import { Files } from './files.js';
import { atOf, exactly, timeOf } from './time.js';
import { useWorkspace } from './workspace.js';

interface MessageProps {
  readonly message: MessageData;
  /** The thread under it, in the channel; null in the thread itself. */
  readonly replies: readonly MessageData[] | null;
  /** The parent of a reply sent to the channel as well. */
  readonly root?: MessageData | undefined;
}

export function Message({ message, replies, root }: MessageProps) {
  const { seen, me, act, openThread } = useWorkspace();
  const { channel, ts, user, subtype } = message;
  const thread = { channel, ts: message.threadTs ?? ts };
  const name = seen.names[user] ?? user;
  if (subtype === 'tombstone') {
    return (
      <article className="message deleted" aria-label="A deleted message">
        <span className="avatar" aria-hidden="true" />
        <div className="message-content">
          <p>This message was deleted.</p>
          {replies !== null && <Replies of={replies} onOpen={() => openThread(thread)} />}
        </div>
      </article>
    );
  }
  const onAction: OnAction = (actionId, value) =>
    act({ do: 'click', as: me.key, place: { kind: 'message', channel, ts }, actionId, value: asSent(value) });
  return (
    <article className="message" aria-label={`${name}, ${timeOf(atOf(ts))}`}>
      <Avatar user={user} />
      <div className="message-content">
        <MessageHead user={user} ts={ts} />
        {root !== undefined && (
          <p className="broadcast">
            replied to a thread:{' '}
            <button type="button" className="link" onClick={() => openThread(thread)}>
              {firstWords(root.text)}
            </button>
          </p>
        )}
        <Content of={message} onAction={onAction} />
        <Files of={message.files} />
        {replies !== null && <Replies of={replies} onOpen={() => openThread(thread)} />}
      </div>
      <div className="message-tools">
        {replies !== null && (
          <button type="button" className="icon" aria-label="Reply in thread" onClick={() => openThread(thread)}>
            <span aria-hidden="true">💬</span>
          </button>
        )}
        <Menu
          label="Message shortcuts"
          className="icon"
          items={seen.shortcuts.map(({ name: label, callbackId }) => ({
            label,
            onChoose: () => void act({ do: 'shortcut', as: me.key, channel, ts, callbackId }),
          }))}
        />
      </div>
    </article>
  );
}

/** A message that only this person sees. */
export function Whisper({ message }: { readonly message: EphemeralData }) {
  const { seen, me, act } = useWorkspace();
  const { user } = message;
  const onAction: OnAction = (actionId, value) =>
    act({ do: 'click', as: me.key, place: { kind: 'ephemeral', id: message.id }, actionId, value: asSent(value) });
  return (
    <article className="message whisper" aria-label={`${seen.names[user] ?? user}, only visible to you`}>
      <Avatar user={user} />
      <div className="message-content">
        <p className="only-you">
          Only visible to you ·{' '}
          <button
            type="button"
            className="link"
            onClick={() => void act({ do: 'dismiss', as: me.key, id: message.id })}
          >
            Dismiss
          </button>
        </p>
        <MessageHead user={user} ts={message.ts} />
        <Content of={message} onAction={onAction} />
      </div>
    </article>
  );
}

function MessageHead({ user, ts }: { readonly user: string; readonly ts: string }) {
  const { seen } = useWorkspace();
  const at = atOf(ts);
  return (
    <p className="message-head">
      <strong>{seen.names[user] ?? user}</strong>
      {user === seen.bot.id && <span className="badge">APP</span>}
      {seen.people.some(({ id, key }) => id === user && key === 'externalUser') && (
        <span className="badge foreign">Other workspace</span>
      )}
      <time dateTime={at.toISOString()} title={exactly(at)}>
        {timeOf(at)}
      </time>
    </p>
  );
}

function Content({
  of,
  onAction,
}: {
  readonly of: Pick<MessageData, 'text' | 'blocks' | 'attachments'> & { readonly edited?: boolean };
  readonly onAction: OnAction;
}) {
  return (
    <>
      {/* If there are blocks, the text is only for notifications. */}
      {of.blocks.length === 0 ? (
        of.text !== '' && (
          <div className="message-text">
            <Mrkdwn text={of.text} />
          </div>
        )
      ) : (
        <Blocks blocks={of.blocks} onAction={onAction} />
      )}
      {of.edited === true && <span className="edited">(edited)</span>}
      {of.attachments.map((attachment) => (
        <div key={attachment.id} className="attachment">
          <span className="attachment-bar" aria-hidden="true" style={{ background: colourOf(attachment.color) }} />
          <div className="attachment-content">
            <Blocks blocks={attachment.blocks} onAction={onAction} />
          </div>
        </div>
      ))}
    </>
  );
}

function Replies({ of, onOpen }: { readonly of: readonly MessageData[]; readonly onOpen: () => void }) {
  const users = new Set(of.map(({ user }) => user));
  const last = of.at(-1);
  if (last === undefined) return null;
  return (
    <button type="button" className="replies" onClick={onOpen}>
      {[...users].slice(0, 3).map((user) => (
        <Avatar key={user} user={user} small />
      ))}
      <strong>{of.length === 1 ? '1 reply' : `${of.length} replies`}</strong>
      <span>Last reply {timeOf(atOf(last.ts))}</span>
    </button>
  );
}

const NAMED: Readonly<Record<string, string>> = { good: '#2eb886', warning: '#daa038', danger: '#a30200' };

function colourOf(colour: string | undefined): string {
  if (colour === undefined) return '#dddddd';
  return NAMED[colour] ?? `#${colour}`;
}

/** The beginning of a message, without its formatting. */
export function firstWords(text: string): string {
  const words = text
    .replaceAll(/<!date\^\d+\^[^|>]*\|([^>]*)>/gu, '$1')
    .replaceAll(/:[a-z_]+:|[*`]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}_])/gu, '')
    .replaceAll(/<[^>|]*\|([^>]*)>/gu, '$1')
    .trim();
  return words.length > 80 ? `${words.slice(0, 80)}…` : words;
}
