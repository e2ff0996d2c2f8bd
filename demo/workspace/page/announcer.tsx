import { firstWords } from './message.js';
import { useWorkspace } from './workspace.js';

/** Reads new messages aloud for people who use a screen reader. */
export function Announcer() {
  const { seen, me } = useWorkspace();
  const last = [...seen.messages, ...me.ephemerals].sort((a, b) => (a.ts < b.ts ? -1 : 1)).at(-1);
  return (
    <p className="unseen" role="status">
      {last === undefined ? '' : `${seen.names[last.user] ?? last.user}: ${firstWords(last.text)}`}
    </p>
  );
}
