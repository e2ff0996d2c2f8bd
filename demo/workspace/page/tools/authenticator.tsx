import { useState } from 'react';
import { useWorkspace } from '../workspace.js';
import { Phone } from './phone.js';

/** The phone, and how an enrolment's secret gets into it. */
export function Authenticator() {
  const { me, act } = useWorkspace();
  const [secret, setSecret] = useState('');
  async function add(): Promise<void> {
    const outcome = await act({ do: 'add_key', as: me.key, secret });
    if (outcome.kind === 'done') setSecret('');
  }
  return (
    <section className="tool" aria-labelledby="authenticator-title">
      <h2 id="authenticator-title">Authenticator</h2>
      <Phone testId="code" />
      <details className="setup-key">
        <summary>Enter a setup key</summary>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void add();
          }}
        >
          <input
            type="text"
            aria-label="Setup key"
            placeholder="From an enrolment’s page"
            autoComplete="off"
            spellCheck={false}
            value={secret}
            onChange={(event) => setSecret(event.target.value)}
          />
          <button type="submit" className="button plain">
            Add
          </button>
        </form>
      </details>
    </section>
  );
}
