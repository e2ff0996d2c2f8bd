import { useLayoutEffect, useRef } from 'react';

/** A modal dialog of the browser's own: it holds the keyboard, closes by Escape, and gives the focus back. */
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
        // Whether it closes is not the browser's to say.
        event.preventDefault();
        onCancel();
      }}
    >
      {children}
    </dialog>
  );
}
