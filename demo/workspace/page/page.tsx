import { useCallback, useEffect, useMemo, useState } from 'react';
import type { Act, Outcome } from '../protocol/acts.js';
import type { MessageData, PersonKey, Snapshot } from '../protocol/snapshot.js';
import { Announcer } from './announcer.js';
import { type Reference, ReferenceContext } from './blocks/words.js';
import { Channel } from './channel.js';
import { send, useSnapshot } from './connection.js';
import { useKeptFocus } from './focus.js';
import { AppHome } from './home.js';
import { Modal } from './modal.js';
import { type Place, Sidebar } from './sidebar.js';
import { Thread } from './thread.js';
import { PRESENT_STEP_MS, useNow } from './time.js';
import { Toasts, useToasts } from './toasts.js';
import { Guide } from './tools/guide.js';
import { Tools } from './tools/tools.js';
import { TopBar } from './top-bar.js';
import { type Workspace, WorkspaceContext } from './workspace.js';

export function Page() {
  const { seen, lost } = useSnapshot();
  if (seen === null)
    return (
      <p className="loading" role="status">
        {lost ? 'The demo does not answer. Is it still running?' : 'The workspace is opening…'}
      </p>
    );
  return <Inside seen={seen} lost={lost} />;
}

type ThreadRoot = Pick<MessageData, 'channel' | 'ts'>;
interface Prefilled {
  readonly text: string;
  readonly inThread: boolean;
}

function Inside({ seen, lost }: { readonly seen: Snapshot; readonly lost: boolean }) {
  const [who, setWho] = useState<PersonKey>('superadmin');
  const [place, setPlace] = useState<Place>('flag-alerts');
  const [thread, setThread] = useState<ThreadRoot | null>(null);
  /** How many direct messages each person has read. */
  const [read, setRead] = useState<Partial<Record<PersonKey, number>>>({});
  const [prefilled, setPrefilled] = useState<Prefilled | null>(null);
  const { toasts, complain, dismiss } = useToasts();
  const present = Math.floor(useNow(seen.clockOffsetMs, PRESENT_STEP_MS) / PRESENT_STEP_MS) * PRESENT_STEP_MS;

  useKeptFocus();

  const me = seen.people.find(({ key }) => key === who);
  if (me === undefined) throw new Error(`There is nobody by the name of ${who}.`);
  const act = useCallback(
    async (what: Act, how = { quiet: false }): Promise<Outcome> => {
      const outcome = await send(what);
      if (outcome.kind === 'failed' && !how.quiet) complain(outcome.message);
      return outcome;
    },
    [complain],
  );
  const workspace: Workspace = {
    seen,
    me,
    act,
    openThread: setThread,
    prefill(text, root) {
      if (root === undefined) setThread(null);
      else setThread(root);
      setPlace('flag-alerts');
      setPrefilled({ text, inThread: root !== undefined });
    },
  };
  const reference = useMemo<Reference>(
    () => ({ names: seen.names, channels: seen.channels, present }),
    [seen.names, seen.channels, present],
  );

  const channel = seen.channels.find(({ name }) => name === place);
  const root = seen.messages.find(({ channel: where, ts }) => where === thread?.channel && ts === thread.ts);
  const modal = me.modals.at(-1);
  const written = me.directMessages.length;
  const unread = place === 'messages' ? 0 : written - (read[who] ?? 0);
  useEffect(() => {
    if (place === 'messages') setRead((before) => ({ ...before, [who]: written }));
  }, [place, who, written]);
  return (
    <WorkspaceContext.Provider value={workspace}>
      <ReferenceContext.Provider value={reference}>
        <div className={`workspace ${place === 'tools' ? 'on-tools' : ''} ${root === undefined ? '' : 'with-thread'}`}>
          <TopBar
            who={who}
            onWho={(next) => {
              setWho(next);
              setPrefilled(null);
            }}
          />
          <Sidebar
            place={place}
            unread={unread}
            onPlace={(next) => {
              setPlace(next);
              setThread(null);
              setPrefilled(null);
            }}
          />
          <main>
            <Guide />
            {place === 'home' || place === 'messages' ? (
              <AppHome key={who} tab={place} onTab={setPlace} />
            ) : (
              <Channel
                key={`${channel?.id} ${who}`}
                channel={channel ?? firstOf(seen)}
                prefilled={prefilled?.inThread === false ? prefilled : null}
              />
            )}
          </main>
          {root !== undefined && (
            <Thread
              key={`${root.ts} ${who}`}
              root={root}
              prefilled={prefilled?.inThread === true ? prefilled : null}
              onClose={() => setThread(null)}
            />
          )}
          <Tools />
        </div>
        {modal !== undefined && <Modal key={`${who} ${modal.id}`} view={modal} depth={me.modals.length} />}
        <Announcer />
        <Toasts toasts={toasts} onDismiss={dismiss} lost={lost} />
      </ReferenceContext.Provider>
    </WorkspaceContext.Provider>
  );
}

function firstOf({ channels }: Snapshot) {
  const [first] = channels;
  if (first === undefined) throw new Error('There is no channel.');
  return first;
}
