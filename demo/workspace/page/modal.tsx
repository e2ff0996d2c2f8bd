import { useEffect, useId, useRef, useState } from 'react';
import type { Entered } from '../protocol/acts.js';
import type { BlockData, ViewData } from '../protocol/snapshot.js';
import { Flag } from './avatar.js';
import { Blocks } from './blocks/blocks.js';
import { isForDigits, type Value } from './blocks/fields.js';
import { unescaped } from './blocks/words.js';
import { Dialog } from './dialog.js';
import { asSent, inputsOf, type KeptDraft, valuesOf } from './drafts.js';
import { InputBlock } from './input-block.js';
import { Phone } from './tools/phone.js';
import { useWorkspace } from './workspace.js';

/** The person's topmost modal. What they typed survives an update if its field does. */
export function Modal({ view, depth }: { readonly view: ViewData; readonly depth: number }) {
  const { me, act } = useWorkspace();
  const [drafts, setDrafts] = useState<readonly KeptDraft[]>([]);
  const [errors, setErrors] = useState<Readonly<Record<string, string>>>({});
  /** How often the form came back with errors: each time the focus goes to the first, but not as they are fixed. */
  const [refusals, setRefusals] = useState(0);
  const [trouble, setTrouble] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const title = useId();
  const values = valuesOf(view, drafts);

  // A replaced form is new: the old one's errors are gone.
  const [shownHash, setShownHash] = useState(view.hash);
  if (shownHash !== view.hash) {
    setShownHash(view.hash);
    setErrors({});
    setTrouble(null);
  }
  useEffect(() => {
    form.current?.querySelector<HTMLElement>('[data-focus-on-load=true]')?.focus();
  }, []);
  useEffect(() => {
    if (refusals > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [refusals]);

  function enter(block: BlockData, value: Value): void {
    const [field] = inputsOf([block]);
    if (field === undefined) return;
    const { block_id: blockId, element, dispatch_action: dispatches } = field;
    const kept: KeptDraft = { blockId, actionId: element.action_id, type: element.type, value };
    const next = [...drafts.filter((draft) => draft.blockId !== blockId), kept];
    setDrafts(next);
    setErrors(({ [blockId]: _mended, ...others }) => others);
    const isChosen = element.options.length > 0;
    if (dispatches && isChosen) void tell(element.action_id, value, valuesOf(view, next));
  }

  async function tell(actionId: string, value: Value | null, entered: Entered): Promise<void> {
    const place = { kind: 'modal', id: view.id, values: entered } as const;
    await act({ do: 'click', as: me.key, place, actionId, value: asSent(value) });
  }

  async function submit(): Promise<void> {
    if (busy) return;
    setBusy(true);
    setTrouble(null);
    const outcome = await act({ do: 'submit', as: me.key, viewId: view.id, values }, { quiet: true });
    setBusy(false);
    if (outcome.kind === 'errors') {
      setErrors(outcome.errors);
      setRefusals(refusals + 1);
    }
    if (outcome.kind === 'failed') setTrouble(outcome.message);
  }

  // If there is no room beside the modal, the phone lies on it.
  const asksForCode = inputsOf(view.blocks).some(({ element }) => isForDigits(element));
  const close = (): void => void act({ do: 'close', as: me.key, viewId: view.id });
  return (
    <Dialog labelledBy={title} className="modal" onCancel={close}>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <header>
          <span className="avatar app" aria-hidden="true">
            <Flag />
          </span>
          <h2 id={title} tabIndex={-1}>
            {unescaped(view.title)}
          </h2>
          {depth > 1 && <span className="depth">{depth} of 3</span>}
          <button type="button" className="icon" aria-label="Close" onClick={close}>
            <span aria-hidden="true">✕</span>
          </button>
        </header>
        <div className="modal-body">
          <Blocks
            blocks={view.blocks}
            onAction={(actionId, value) => tell(actionId, value, values)}
            renderInput={(block) => (
              <InputBlock block={block} values={values} errors={errors} onEnter={(value) => enter(block, value)} />
            )}
          />
        </div>
        {asksForCode && (
          <div className="modal-phone">
            <Phone />
          </div>
        )}
        {trouble !== null && (
          <p className="modal-trouble" role="alert">
            {trouble}
          </p>
        )}
        <footer>
          <button type="button" className="button plain" onClick={close}>
            {unescaped(view.close?.text ?? 'Close')}
          </button>
          {view.submit !== null && (
            <button type="submit" className="button primary" aria-busy={busy} aria-disabled={busy}>
              {unescaped(view.submit.text)}
            </button>
          )}
        </footer>
      </form>
    </Dialog>
  );
}
