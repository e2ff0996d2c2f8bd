import { useWorkspace } from './workspace.js';

/** A square with somebody's first letter, in their own colour. */
export function Avatar({ user, small = false }: { readonly user: string; readonly small?: boolean }) {
  const { seen } = useWorkspace();
  const person = seen.people.find(({ id }) => id === user);
  const kind = user === seen.bot.id ? 'app' : (person?.key ?? 'other');
  return (
    <span className={`avatar ${kind} ${small ? 'small' : ''}`} aria-hidden="true">
      {kind === 'app' ? <Flag /> : (seen.names[user] ?? '?').slice(0, 1).toUpperCase()}
    </span>
  );
}

export function Flag() {
  return (
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d="M5 3v10.5M5 3.5h6.5l-1.8 2.5 1.8 2.5H5" stroke="currentColor" strokeWidth="1.6" fill="none" />
    </svg>
  );
}
