import { useLayoutEffect, useRef } from 'react';

/** How far from its end, in pixels, a list still counts as being at its end. */
const NEAR = 80;

/** A list of messages that stays at its end while one is there. */
export function MessageList({
  label,
  count,
  children,
}: {
  readonly label: string;
  readonly count: number;
  readonly children: React.ReactNode;
}) {
  const list = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what came in is a reason to look, and nothing to read
  useLayoutEffect(() => {
    const [shown, inside] = [list.current, content.current];
    if (shown === null || inside === null) return;
    const follow = (): void => {
      if (atEnd.current) shown.scrollTop = shown.scrollHeight;
    };
    follow();
    // Pictures, and messages that are edited, grow after they were drawn.
    const sizes = new ResizeObserver(follow);
    sizes.observe(inside);
    sizes.observe(shown);
    return () => sizes.disconnect();
  }, [count]);

  return (
    <section
      ref={list}
      className="messages"
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be in reach of the keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
      }}
    >
      <div ref={content}>{children}</div>
    </section>
  );
}
