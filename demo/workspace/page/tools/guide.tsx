import { useState } from 'react';
import { GUIDE_STEPS, type GuideStep, type Snapshot } from '../../protocol/snapshot.js';
import { useWorkspace, type Workspace } from '../workspace.js';

interface Step {
  readonly title: string;
  readonly words: string;
  /** Puts the text into the box where it is to be sent. */
  readonly help?: { readonly label: string; readonly give: (workspace: Workspace) => void };
}

const RCA = 'https://docs.raxx.example/rca/2026-05-11';

const STEPS: Readonly<Record<GuideStep, Step>> = {
  alert: {
    title: 'See the alert',
    words: 'A flag has been deploying for 57 hours. The watchdog found it, and says so in #flag-alerts.',
  },
  evidence: {
    title: 'Read the evidence',
    words:
      'The alert tells what Heroku holds, since when, and which button is right. Press it, as kris: Mark completed.',
  },
  completed: {
    title: 'Complete it with a code',
    words: 'The form asks for six digits: the Authenticator shows them. A wrong code, or a used one, changes nothing.',
  },
  rca: {
    title: 'Link the RCA',
    words: 'In the message’s thread, mention the app with the post-mortem’s address.',
    help: {
      label: 'Write it for me',
      give({ seen, prefill }) {
        const root = rootOf(seen);
        if (root !== undefined) prefill(`@flag-promotions ${RCA}`, root);
      },
    },
  },
  kill: {
    title: 'Kill a promotion half-way',
    words:
      'Switch on “Kill it half-way”, promote console_bulk_export with a new code, and watch its row: the app dies, comes back, asks Heroku, and ends it.',
    help: {
      label: 'Switch it on, and write the command',
      give({ act, prefill }) {
        void act({ do: 'kill_at_next_change', on: true });
        prefill('/flag-promotions promote console_bulk_export');
      },
    },
  },
};

const AFTERWARDS = {
  words: 'Now make something go wrong: move the clock, let Heroku fail, be somebody else, type /flag-promotions help.',
};

/** The first visit, in five steps; each ticks itself off. */
export function Guide() {
  const { guide } = useWorkspace().seen;
  const [open, setOpen] = useState(() => localStorage.getItem(CLOSED) === null);
  const next = GUIDE_STEPS.find((step) => !guide[step]);
  const done = GUIDE_STEPS.filter((step) => guide[step]).length;

  function toggle(): void {
    if (open) localStorage.setItem(CLOSED, 'yes');
    else localStorage.removeItem(CLOSED);
    setOpen(!open);
  }

  return (
    <section className="guide" aria-labelledby="guide-title">
      <header>
        <h2 id="guide-title">
          {next === undefined ? 'That was the incident' : 'First visit'} <small>{done} of 5</small>
        </h2>
        <button type="button" className="link" aria-expanded={open} onClick={toggle}>
          {open ? 'Hide' : 'Show'} the guide
        </button>
      </header>
      {open && (
        <>
          <ol>
            {GUIDE_STEPS.map((step, index) => (
              <li key={step} className={guide[step] ? 'done' : step === next ? 'next' : ''} data-step={step}>
                <p className="step-title" aria-current={step === next ? 'step' : undefined}>
                  <span className="tickmark" aria-hidden="true">
                    {guide[step] ? '✓' : index + 1}
                  </span>
                  {STEPS[step].title}
                  {guide[step] && <span className="unseen"> (done)</span>}
                </p>
              </li>
            ))}
          </ol>
          <Words of={next === undefined ? AFTERWARDS : STEPS[next]} />
        </>
      )}
    </section>
  );
}

function Words({ of: { words, help } }: { readonly of: Omit<Step, 'title'> }) {
  const workspace = useWorkspace();
  return (
    <p className="step-words">
      {words}{' '}
      {help !== undefined && (
        <button type="button" className="link" onClick={() => help.give(workspace)}>
          {help.label}
        </button>
      )}
    </p>
  );
}

const CLOSED = 'flag-promotions guide closed';

/** The app's oldest message: the incident's alert. */
function rootOf({ messages, bot }: Snapshot) {
  return messages.find(({ user, threadTs }) => user === bot.id && threadTs === null);
}
