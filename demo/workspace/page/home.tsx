import { useEffect } from 'react';
import { Blocks } from './blocks/blocks.js';
import { asSent } from './drafts.js';
import { Message } from './message.js';
import { MessageList } from './message-list.js';
import { useWorkspace } from './workspace.js';

export type Tab = 'home' | 'messages';
const TABS: readonly (readonly [Tab, string])[] = [
  ['home', 'Home'],
  ['messages', 'Messages'],
];

/** The app itself: its home tab, and its direct messages to this person. */
export function AppHome({ tab, onTab }: { readonly tab: Tab; readonly onTab: (tab: Tab) => void }) {
  return (
    <section className="channel" aria-labelledby="home-title">
      <header className="channel-head">
        <h1 id="home-title" tabIndex={-1} data-focus-fallback>
          flag-promotions
        </h1>
        {TABS.map(([to, label]) => (
          <button
            key={to}
            type="button"
            className="tab"
            aria-current={tab === to ? 'page' : undefined}
            onClick={() => onTab(to)}
          >
            {label}
          </button>
        ))}
      </header>
      {tab === 'home' ? <HomeTab /> : <MessagesTab />}
    </section>
  );
}

/** As it was published to this person. */
function HomeTab() {
  const { me, act } = useWorkspace();
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is opened once by each person
  useEffect(() => void act({ do: 'open_home', as: me.key }), [me.key]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be in reach of the keyboard
    <section className="messages home" aria-label="Home tab" tabIndex={0}>
      {me.home === null ? (
        <p className="nothing">The app has published nothing here.</p>
      ) : (
        <Blocks
          blocks={me.home.blocks}
          onAction={(actionId, value) =>
            act({ do: 'click', as: me.key, place: { kind: 'home' }, actionId, value: asSent(value) })
          }
        />
      )}
    </section>
  );
}

function MessagesTab() {
  const { me } = useWorkspace();
  return (
    <MessageList label="Messages from the app" count={me.directMessages.length} sent={0}>
      {me.directMessages.length === 0 && (
        <p className="nothing">No messages yet. The app writes here about enrolment.</p>
      )}
      {me.directMessages.map((message) => (
        <Message key={message.ts} message={message} replies={null} />
      ))}
    </MessageList>
  );
}
