import { useEffect, useRef, useState } from 'react';
import type { MessageData } from '../protocol/snapshot.js';
import { Composer } from './composer.js';
import { Message, Whisper } from './message.js';
import { MessageList } from './message-list.js';
import { useWorkspace } from './workspace.js';

export function Thread({
  root,
  prefilled,
  onClose,
}: {
  readonly root: MessageData;
  readonly prefilled: { readonly text: string } | null;
  readonly onClose: () => void;
}) {
  const { seen, me } = useWorkspace();
  const [sent, setSent] = useState(0);
  const title = useRef<HTMLHeadingElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the focus moves when it opens, and not again
  useEffect(() => {
    const from = document.activeElement;
    // Text to send has the focus already.
    if (prefilled === null) title.current?.focus();
    return () => {
      if (from instanceof HTMLElement && from.isConnected) from.focus();
    };
  }, []);
  const channel = seen.channels.find(({ id }) => id === root.channel);
  const replies = seen.messages.filter(
    ({ channel: where, threadTs }) => where === root.channel && threadTs === root.ts,
  );
  const whispers = me.ephemerals.filter(({ threadTs }) => threadTs === root.ts);
  const shown = [
    ...replies.map((message) => ({
      ts: message.ts,
      drawn: <Message key={message.ts} message={message} replies={null} />,
    })),
    ...whispers.map((message) => ({ ts: message.ts, drawn: <Whisper key={message.id} message={message} /> })),
  ].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  return (
    <aside
      className="thread"
      aria-labelledby="thread-title"
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose();
      }}
    >
      <header className="channel-head">
        <h2 id="thread-title" ref={title} tabIndex={-1}>
          Thread <small># {channel?.name}</small>
        </h2>
        <button type="button" className="icon" aria-label="Close the thread" onClick={onClose}>
          <span aria-hidden="true">✕</span>
        </button>
      </header>
      <MessageList label="Messages in the thread" count={shown.length} sent={sent}>
        <Message message={root} replies={null} />
        <div className="reply-count">
          <span>{replies.length === 1 ? '1 reply' : `${replies.length} replies`}</span>
        </div>
        {shown.map(({ drawn }) => drawn)}
      </MessageList>
      <Composer
        channel={root.channel}
        channelName={channel?.name ?? ''}
        threadTs={root.ts}
        prefilled={prefilled}
        onSent={() => setSent(sent + 1)}
      />
    </aside>
  );
}
