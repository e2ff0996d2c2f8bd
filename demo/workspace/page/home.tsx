import { useEffect } from 'react';
import { Blocks } from './blocks/blocks.js';
import { asSent } from './drafts.js';
import { useWorkspace } from './workspace.js';

/** The app's home tab, as it was published to this person. */
export function Home() {
  const { me, act } = useWorkspace();
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is opened once by each person
  useEffect(() => void act({ do: 'open_home', as: me.key }), [me.key]);
  return (
    <section className="channel" aria-labelledby="home-title">
      <header className="channel-head">
        <h1 id="home-title" tabIndex={-1} data-focus-fallback>
          flag-promotions
        </h1>
        <p className="tab">Home</p>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be in reach of the keyboard */}
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
    </section>
  );
}
