import { useState } from 'react';
import { Confirmation } from './confirmation.js';
import { Choice, type Value } from './fields.js';
import { Menu } from './menu.js';
import type { Element } from './shapes.js';
import { unescaped } from './words.js';

/** Tells the app of a click or a choice; resolves once it was told. */
export type OnAction = (actionId: string, value: string | readonly string[] | null) => Promise<unknown>;

/** What can be clicked or chosen outside a form. */
export function ActionElement({ element, onAction }: { readonly element: Element; readonly onAction: OnAction }) {
  const [busy, setBusy] = useState(false);
  /** The choice stays on the screen; Slack keeps it nowhere else. */
  const [chosen, setChosen] = useState<Value>(() => initialOf(element));
  const [asking, setAsking] = useState<string | readonly string[] | null | undefined>(undefined);

  async function tell(value: string | readonly string[] | null): Promise<void> {
    if (busy) return;
    setBusy(true);
    setChosen(value ?? '');
    await onAction(element.action_id, value);
    setBusy(false);
  }
  const act = (value: string | readonly string[] | null): void => {
    if (element.confirm === undefined) void tell(value);
    else setAsking(value);
  };

  return (
    <>
      <Shape element={element} busy={busy} chosen={chosen} act={act} />
      {asking !== undefined && element.confirm !== undefined && (
        <Confirmation
          of={element.confirm}
          onClose={(confirmed) => {
            setAsking(undefined);
            if (confirmed) void tell(asking);
          }}
        />
      )}
    </>
  );
}

interface ShapeProps {
  readonly element: Element;
  readonly busy: boolean;
  readonly chosen: Value;
  readonly act: (value: string | readonly string[] | null) => void;
}

function initialOf(element: Element): Value {
  return (
    element.initial_options?.map(({ value }) => value) ??
    element.initial_option?.value ??
    element.initial_date ??
    element.initial_time ??
    element.initial_user ??
    ''
  );
}

function Shape({ element, busy, chosen, act }: ShapeProps) {
  const label = unescaped(element.text?.text ?? '');
  const look = `button ${element.style ?? 'plain'}`;
  const spoken = element.accessibility_label;
  if (element.type === 'button' && element.url !== undefined) {
    return (
      <a
        className={look}
        href={element.url}
        target="_blank"
        rel="noreferrer"
        aria-label={spoken}
        onClick={() => act(null)}
      >
        {label}
      </a>
    );
  }
  if (element.type === 'button') {
    return (
      // Stays focusable while it works.
      <button
        type="button"
        className={look}
        aria-label={spoken}
        aria-busy={busy}
        aria-disabled={busy}
        onClick={() => act(element.value ?? null)}
      >
        {label}
      </button>
    );
  }
  if (element.type === 'overflow') {
    return (
      <Menu
        label="More actions"
        className="button plain"
        items={element.options.map((option) => ({
          label: unescaped(option.text.text),
          href: option.url,
          onChoose: () => act(option.value),
        }))}
      />
    );
  }
  return (
    <Choice
      element={element}
      label={element.placeholder?.text ?? 'Choose'}
      value={chosen}
      onChange={(value) => act(value)}
    />
  );
}
