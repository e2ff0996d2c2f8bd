import { useContext } from 'react';
import type { HerokuSwitchName } from '../../protocol/snapshot.js';
import { ReferenceContext } from '../blocks/words.js';
import { shortly } from '../time.js';
import { useWorkspace } from '../workspace.js';
import { Switch } from './switch.js';

const SWITCHES: readonly (readonly [HerokuSwitchName, string])[] = [
  ['slow', 'Slow: 4 s an answer'],
  ['error_500', 'Answers 500'],
  ['reset', 'Cuts connections'],
  ['release_fails', 'Releases fail'],
];

/** Heroku as its dashboard would show it, and what can go wrong there. */
export function Heroku() {
  const { seen, act } = useWorkspace();
  const { present } = useContext(ReferenceContext);
  const { app, vars, releases, switches } = seen.heroku;
  return (
    <section className="tool" aria-labelledby="heroku-title">
      <h2 id="heroku-title">
        Heroku <small>{app}</small>
      </h2>
      <h3>Config vars</h3>
      <ul className="vars">
        {Object.entries(vars).map(([name, value]) => (
          <li key={name}>
            <code>{name}</code>
            <select
              aria-label={`Set ${name} behind the app’s back`}
              value={value ?? ''}
              onChange={(event) =>
                void act({
                  do: 'heroku_set',
                  configVar: name,
                  value: event.target.value === '' ? null : event.target.value,
                })
              }
            >
              <option value="">not set</option>
              <option value="true">true</option>
              <option value="false">false</option>
              {value !== null && !['true', 'false'].includes(value) && <option value={value}>{value}</option>}
            </select>
          </li>
        ))}
      </ul>
      <h3>Releases</h3>
      <ol className="releases">
        {releases.map((release) => (
          <li key={release.version} className={release.status}>
            <strong>v{release.version}</strong>
            <span className="release-what">{release.description}</span>
            <span className="release-end">
              {release.status === 'succeeded'
                ? release.current
                  ? 'current'
                  : shortly(new Date(release.at), present)
                : release.status}
            </span>
          </li>
        ))}
      </ol>
      <h3>What goes wrong</h3>
      {SWITCHES.map(([name, words]) => (
        <Switch key={name} on={switches[name]} onChange={(on) => void act({ do: 'heroku_switch', name, on })}>
          {words}
        </Switch>
      ))}
    </section>
  );
}
