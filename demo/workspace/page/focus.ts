import { useEffect, useRef } from 'react';

/** If the focused element disappears (a message lost its buttons), focuses the heading of the current view. */
export function useKeptFocus(): void {
  const last = useRef<Element | null>(null);
  useEffect(() => {
    const note = ({ target }: FocusEvent): void => {
      last.current = target instanceof Element ? target : null;
    };
    document.addEventListener('focusin', note);
    return () => document.removeEventListener('focusin', note);
  }, []);
  useEffect(() => {
    const lost = last.current !== null && !last.current.isConnected && document.activeElement === document.body;
    if (lost) document.querySelector<HTMLElement>('[data-focus-fallback]')?.focus();
  });
}
