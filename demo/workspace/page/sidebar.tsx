import { Flag } from './avatar.js';
import { useWorkspace } from './workspace.js';

/** A channel by its name, one of the app's tabs, or, on a narrow screen, the tools. */
export type Place = string;

export function Sidebar({
  place,
  onPlace,
  unread,
}: {
  readonly place: Place;
  readonly onPlace: (place: Place) => void;
  readonly unread: number;
}) {
  const { seen } = useWorkspace();
  const link = (to: Place, className = '') => ({
    type: 'button' as const,
    className,
    'aria-current': place === to || (to === 'home' && place === 'messages') ? ('page' as const) : undefined,
    onClick: () => onPlace(to),
  });
  return (
    <nav className="sidebar" aria-label="Workspace">
      <h2>Channels</h2>
      <ul>
        {seen.channels.map(({ id, name }) => (
          <li key={id}>
            <button {...link(name)}>
              <span className="sidebar-icon" aria-hidden="true">
                #
              </span>
              {name}
            </button>
          </li>
        ))}
      </ul>
      <h2>Apps</h2>
      <ul>
        <li>
          <button {...link('home')} onClick={() => onPlace(unread > 0 ? 'messages' : 'home')}>
            <span className="sidebar-icon" aria-hidden="true">
              <Flag />
            </span>
            flag-promotions
            {unread > 0 && (
              <span className="unread">
                {unread}
                <span className="unseen"> new</span>
              </span>
            )}
          </button>
        </li>
      </ul>
      <ul className="only-narrow">
        <li>
          <button {...link('tools')}>
            <span className="sidebar-icon" aria-hidden="true">
              ⚙
            </span>
            Backstage
          </button>
        </li>
      </ul>
    </nav>
  );
}
