import { useEffect, useId, useRef, useState } from 'react';
import { completionsOf } from './completion.js';
import { useWorkspace } from './workspace.js';

interface ComposerProps {
  readonly channel: string;
  readonly channelName: string;
  readonly threadTs: string | null;
  /** Text for the person to send; a new object each time. */
  readonly prefilled: { readonly text: string } | null;
  readonly onSent: () => void;
}

/** The box for messages and commands; completes the app's command. */
export function Composer({ channel, channelName, threadTs, prefilled, onSent }: ComposerProps) {
  const { seen, me, act } = useWorkspace();
  const [text, setText] = useState('');
  const [active, setActive] = useState(-1);
  const [closed, setClosed] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const box = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => {
    if (prefilled === null) return;
    setText(prefilled.text);
    setClosed(true);
    box.current?.focus();
  }, [prefilled]);

  const found = threadTs === null && !closed ? completionsOf(text, seen.command) : [];
  const open = found.length > 0;
  const label = threadTs === null ? `Message #${channelName}` : 'Reply…';

  function type(next: string): void {
    setText(next);
    setActive(-1);
    setClosed(false);
    setRefusal(null);
  }
  function complete(index: number): void {
    const chosen = found[index];
    if (chosen !== undefined) type(chosen.text);
    box.current?.focus();
  }

  async function send(): Promise<void> {
    const said = text.trim();
    if (said === '') return;
    const [word = ''] = said.split(/\s/u);
    if (said.startsWith('/') && threadTs !== null) {
      setRefusal(`${word} is not supported in threads. Sorry!`);
      return;
    }
    if (said.startsWith('/') && word !== seen.command.name) {
      setRefusal(`${word} is not a valid command.`);
      return;
    }
    type('');
    onSent();
    await act(
      said.startsWith('/')
        ? { do: 'command', as: me.key, channel, text: said.slice(word.length).trim() }
        : { do: 'say', as: me.key, channel, threadTs, text: said },
    );
  }

  function onKeyDown(event: React.KeyboardEvent): void {
    if (event.key === 'Enter') {
      event.preventDefault();
      if (open && active >= 0) complete(active);
      else void send();
      return;
    }
    if (!open || !choose(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Whether the list handled the key. */
  function choose({ key, shiftKey }: React.KeyboardEvent): boolean {
    if (key === 'ArrowDown') setActive((active + 1) % found.length);
    else if (key === 'ArrowUp') setActive(active <= 0 ? found.length - 1 : active - 1);
    else if (key === 'Tab' && !shiftKey) complete(Math.max(active, 0));
    else if (key === 'Escape') setClosed(true);
    else return false;
    return true;
  }

  return (
    <div className="composer">
      {open && (
        <div className="completions" id={`${id}-list`} role="listbox" aria-label="Commands">
          {found.map((completion, index) => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the keyboard chooses from the box, as in every combobox
            <div
              key={completion.label}
              id={`${id}-${index}`}
              role="option"
              tabIndex={-1}
              aria-selected={index === active}
              className={index === active ? 'active' : ''}
              onClick={() => complete(index)}
            >
              <code>{completion.label}</code>
              <span>{completion.does}</span>
            </div>
          ))}
        </div>
      )}
      <div className="composer-box">
        <input
          ref={box}
          type="text"
          role="combobox"
          aria-label={label}
          aria-expanded={open}
          aria-controls={`${id}-list`}
          aria-autocomplete="list"
          aria-activedescendant={open && active >= 0 ? `${id}-${active}` : undefined}
          aria-describedby={refusal === null ? undefined : `${id}-refusal`}
          placeholder={threadTs === null ? `${label}, or ${seen.command.name}` : label}
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => type(event.target.value)}
          onKeyDown={onKeyDown}
        />
        <button
          type="button"
          className="send"
          aria-label="Send"
          aria-disabled={text.trim() === ''}
          onClick={() => void send()}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <path d="M2.5 3.5 18 10 2.5 16.5l1.7-5.6L11 10 4.2 9.1z" fill="currentColor" />
          </svg>
        </button>
      </div>
      {refusal !== null && (
        <p className="refusal" id={`${id}-refusal`} role="alert">
          {refusal}
        </p>
      )}
    </div>
  );
}
