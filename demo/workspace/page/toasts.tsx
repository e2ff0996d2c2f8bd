import { useCallback, useRef, useState } from 'react';

export interface Toast {
  readonly id: number;
  readonly text: string;
}

const SHOWN_FOR_MS = 8_000;

export function useToasts() {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const count = useRef(0);
  const dismiss = useCallback((id: number) => setToasts((all) => all.filter((toast) => toast.id !== id)), []);
  const complain = useCallback(
    (text: string) => {
      count.current += 1;
      const id = count.current;
      setToasts((all) => [...all.filter((toast) => toast.text !== text), { id, text }]);
      setTimeout(() => dismiss(id), SHOWN_FOR_MS);
    },
    [dismiss],
  );
  return { toasts, complain, dismiss };
}

export function Toasts({
  toasts,
  onDismiss,
  lost,
}: {
  readonly toasts: readonly Toast[];
  readonly onDismiss: (id: number) => void;
  readonly lost: boolean;
}) {
  return (
    <div className="toasts" role="alert">
      {lost && <p className="toast">The demo does not answer. Is it still running?</p>}
      {toasts.map((toast) => (
        <p className="toast" key={toast.id}>
          {toast.text}
          <button type="button" className="icon" aria-label="Dismiss" onClick={() => onDismiss(toast.id)}>
            <span aria-hidden="true">✕</span>
          </button>
        </p>
      ))}
    </div>
  );
}
