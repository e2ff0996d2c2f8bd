import { useEffect, useId, useLayoutEffect, useRef, useState } from 'react';

export interface MenuItem {
  readonly label: string;
  readonly href?: string | undefined;
  readonly onChoose: () => void;
}

/** The space in pixels between a menu and the window's edges. */
const EDGE = 8;

/** A button that opens a list of actions; arrows walk through it, Escape closes it. */
export function Menu({
  label,
  items,
  className,
}: {
  readonly label: string;
  readonly items: readonly MenuItem[];
  readonly className: string;
}) {
  const [open, setOpen] = useState(false);
  const [upwards, setUpwards] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();

  useLayoutEffect(() => {
    if (!open || list.current === null) return;
    const { left, right } = list.current.getBoundingClientRect();
    const shift = left < EDGE ? EDGE - left : Math.min(0, window.innerWidth - EDGE - right);
    list.current.style.translate = `${shift}px`;
  }, [open]);
  useEffect(() => {
    if (!open) return;
    entriesIn(place.current)[0]?.focus();
    const outside = (event: PointerEvent): void => {
      if (event.target instanceof Node && place.current?.contains(event.target) === false) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, [open]);

  function close(): void {
    setOpen(false);
    button.current?.focus();
  }
  function onKeyDown(event: React.KeyboardEvent): void {
    const all = entriesIn(place.current);
    const at = all.findIndex((entry) => entry.matches(':focus'));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') close();
    if (to === undefined && event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    if (to !== undefined) all[to % all.length]?.focus();
  }

  return (
    <div className="menu" ref={place}>
      <button
        ref={button}
        type="button"
        className={className}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={({ currentTarget }) => {
          setUpwards(currentTarget.getBoundingClientRect().bottom > window.innerHeight / 2);
          setOpen(!open);
        }}
      >
        <span aria-hidden="true">⋯</span>
      </button>
      {open && (
        <div
          ref={list}
          className={`menu-list ${upwards ? 'upwards' : ''}`}
          id={id}
          role="menu"
          aria-label={label}
          tabIndex={-1}
          onKeyDown={onKeyDown}
        >
          {items.map((item) => {
            const choose = (): void => {
              close();
              item.onChoose();
            };
            return item.href === undefined ? (
              <button key={item.label} type="button" role="menuitem" tabIndex={-1} onClick={choose}>
                {item.label}
              </button>
            ) : (
              <a
                key={item.label}
                role="menuitem"
                tabIndex={-1}
                href={item.href}
                target="_blank"
                rel="noreferrer"
                onClick={choose}
              >
                {item.label}
              </a>
            );
          })}
        </div>
      )}
    </div>
  );
}

function entriesIn(menu: HTMLElement | null): readonly HTMLElement[] {
  return [...(menu?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
}
