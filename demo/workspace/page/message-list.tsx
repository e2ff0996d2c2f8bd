import { useLayoutEffect, useRef } from 'react';

/** Within this many pixels of its end, a list counts as being at its end. */
const NEAR = 80;

/** A list of messages that stays at its end while one is there. */
export function MessageList({
  label,
  count,
  sent,
  children,
}: {
  readonly label: string;
  readonly count: number;
  /** How often the person sent something: the list then scrolls to it. */
  readonly sent: number;
  readonly children: React.ReactNode;
}) {
  const list = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const sentBefore = useRef(sent);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what came in is a reason to look, and nothing to read
  useLayoutEffect(() => {
    const [shown, inside] = [list.current, content.current];
    if (shown === null || inside === null) return;
    const follow = (): void => {
      if (atEnd.current) shown.scrollTop = shown.scrollHeight;
    };
    if (sentBefore.current !== sent) atEnd.current = true;
    sentBefore.current = sent;
    follow();
    // Pictures and edited messages grow after they were drawn.
    const sizes = new ResizeObserver(follow);
    sizes.observe(inside);
    sizes.observe(shown);
    return () => sizes.disconnect();
  }, [count, sent]);

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
