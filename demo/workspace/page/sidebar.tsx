import { Flag } from './avatar.js';
import { useWorkspace } from './workspace.js';

/** Where one is: a channel by its name, the app's home tab, or, where there is little room, the tools. */
export type Place = string;

export function Sidebar({ place, onPlace }: { readonly place: Place; readonly onPlace: (place: Place) => void }) {
  const { seen } = useWorkspace();
  const link = (to: Place, className = '') => ({
    type: 'button' as const,
    className,
    'aria-current': place === to ? ('page' as const) : undefined,
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
          <button {...link('home')}>
            <span className="sidebar-icon" aria-hidden="true">
              <Flag />
            </span>
            flag-promotions
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
