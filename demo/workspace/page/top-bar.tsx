import type { PersonKey } from '../protocol/snapshot.js';
import { Avatar } from './avatar.js';
import { useWorkspace } from './workspace.js';

const STATUS = { up: 'The app runs', starting: 'The app is starting', down: 'The app is down' } as const;

/** Chooses the person, and shows whether the app runs. */
export function TopBar({ who, onWho }: { readonly who: PersonKey; readonly onWho: (who: PersonKey) => void }) {
  const { seen } = useWorkspace();
  return (
    <header className="top-bar">
      <p className="workspace-name">
        Raxx <span className="wide-only">· a workspace to try flag-promotions in</span>
      </p>
      <fieldset className="people">
        <legend className="unseen">Who you are</legend>
        {seen.people.map((person) => (
          <label key={person.key} className={person.key === who ? 'chosen' : ''}>
            <input
              type="radio"
              name="who"
              checked={person.key === who}
              onChange={() => onWho(person.key)}
              aria-label={`${person.name}, ${person.role}`}
            />
            <Avatar user={person.id} small />
            <span className="who">
              <strong>{person.name}</strong>
              <small>{person.role}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <p className={`app-status ${seen.app.status}`} role="status">
        <span className="dot" aria-hidden="true" />
        <span className="app-status-words">{STATUS[seen.app.status]}</span>
      </p>
    </header>
  );
}
