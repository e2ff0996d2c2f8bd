import { useState } from 'react';
import type { ChannelData, EphemeralData, MessageData } from '../protocol/snapshot.js';
import { Composer } from './composer.js';
import { Message, Whisper } from './message.js';
import { MessageList } from './message-list.js';
import { atOf, dayOf } from './time.js';
import { useWorkspace } from './workspace.js';

type Entry = { readonly ts: string } & ({ readonly message: MessageData } | { readonly whisper: EphemeralData });

/** A channel: what everybody sees there, mixed with what only this person sees, oldest first. */
export function Channel({
  channel,
  prefilled,
}: {
  readonly channel: ChannelData;
  readonly prefilled: { readonly text: string } | null;
}) {
  const { seen, me } = useWorkspace();
  const [sent, setSent] = useState(0);
  const all = seen.messages.filter((message) => message.channel === channel.id);
  const shown: Entry[] = [
    ...all
      .filter((message) => message.threadTs === null || message.subtype === 'thread_broadcast')
      .map((message) => ({ ts: message.ts, message })),
    ...me.ephemerals
      .filter((whisper) => whisper.channel === channel.id && whisper.threadTs === null)
      .map((whisper) => ({ ts: whisper.ts, whisper })),
  ].sort((a, b) => (a.ts < b.ts ? -1 : 1));

  return (
    <section className="channel" aria-labelledby="channel-title">
      <header className="channel-head">
        <h1 id="channel-title" tabIndex={-1} data-focus-fallback>
          <span aria-hidden="true"># </span>
          {channel.name}
        </h1>
        <p>
          {channel.hasApp ? 'Stuck promotions are reported here.' : 'flag-promotions is not a member of this channel.'}
        </p>
      </header>
      <MessageList label={`Messages in ${channel.name}`} count={shown.length} sent={sent}>
        {shown.length === 0 && <p className="nothing">Nothing was said here yet.</p>}
        {shown.map((entry, index) => {
          const day = dayOf(atOf(entry.ts));
          const before = shown[index - 1];
          const isNewDay = before === undefined || dayOf(atOf(before.ts)) !== day;
          return (
            <div key={'message' in entry ? entry.ts : entry.whisper.id}>
              {isNewDay && (
                <div className="day">
                  <span>{day}</span>
                </div>
              )}
              {'whisper' in entry ? (
                <Whisper message={entry.whisper} />
              ) : (
                <Message
                  message={entry.message}
                  replies={all.filter(({ threadTs }) => threadTs === entry.ts)}
                  root={all.find(({ ts }) => ts === entry.message.threadTs)}
                />
              )}
            </div>
          );
        })}
      </MessageList>
      <Composer
        channel={channel.id}
        channelName={channel.name}
        threadTs={null}
        prefilled={prefilled}
        onSent={() => setSent(sent + 1)}
      />
    </section>
  );
}
