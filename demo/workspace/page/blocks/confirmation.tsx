import { useId } from 'react';
import { Dialog } from '../dialog.js';
import type { Confirm } from './shapes.js';
import { unescaped, Words } from './words.js';

export function Confirmation({
  of,
  onClose,
}: {
  readonly of: Confirm;
  readonly onClose: (confirmed: boolean) => void;
}) {
  const title = useId();
  return (
    <Dialog labelledBy={title} onCancel={() => onClose(false)} className="modal small">
      <header>
        <h2 id={title}>{unescaped(of.title.text)}</h2>
      </header>
      <div className="modal-body">
        <Words of={of.text} />
      </div>
      <footer>
        <button type="button" className="button plain" onClick={() => onClose(false)}>
          {unescaped(of.deny.text)}
        </button>
        <button type="button" className={`button ${of.style ?? 'primary'}`} onClick={() => onClose(true)}>
          {unescaped(of.confirm.text)}
        </button>
      </footer>
    </Dialog>
  );
}
