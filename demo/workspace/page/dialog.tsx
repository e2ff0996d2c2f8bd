import { useLayoutEffect, useRef } from 'react';

/** The browser's own modal dialog: it traps the focus, closes by Escape, and returns the focus. */
export function Dialog({
  labelledBy,
  className,
  onCancel,
  children,
}: {
  readonly labelledBy: string;
  readonly className: string;
  readonly onCancel: () => void;
  readonly children: React.ReactNode;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const shown = dialog.current;
    if (shown === null) return;
    const from = document.activeElement;
    shown.showModal();
    return () => {
      shown.close();
      if (from instanceof HTMLElement) from.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={className}
      aria-labelledby={labelledBy}
      onCancel={(event) => {
        // We decide whether it closes, not the browser.
        event.preventDefault();
        onCancel();
      }}
    >
      {children}
    </dialog>
  );
}
