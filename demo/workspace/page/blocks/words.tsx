import { createContext, memo, useContext } from 'react';
import { type Block, Message } from 'slack-blocks-to-jsx';
import { z } from 'zod';
import type { BlockData, ChannelData } from '../../protocol/snapshot.js';
import { exactly, slackDate } from '../time.js';

/** For mentions and dates: names, and the current time in ms. */
export interface Reference {
  readonly names: Readonly<Record<string, string>>;
  readonly channels: readonly ChannelData[];
  readonly present: number;
}

export const ReferenceContext = createContext<Reference>({ names: {}, channels: [], present: 0 });

/** The stand-in checked every block against Block Kit's rules; the library's type is less exact. */
const drawable = z.custom<Block>((block) => z.looseObject({ type: z.string() }).safeParse(block).success);

/** A block without anything to click, as slack-blocks-to-jsx draws it. */
export const Drawn = memo(function Drawn({ block }: { readonly block: BlockData }) {
  const { names, channels, present } = useContext(ReferenceContext);
  return (
    <Message
      blocks={[drawable.parse(block)]}
      logo=""
      name=""
      unstyled
      withoutWrapper
      data={{ users: Object.entries(names).map(([id, name]) => ({ id, name })) }}
      hooks={{
        channel: ({ id }) => <span className="mention">#{channels.find((one) => one.id === id)?.name ?? id}</span>,
        user: ({ id }) => <span className="mention">@{names[id] ?? id}</span>,
        date: ({ timestamp, format }) => {
          const at = new Date(Number(timestamp) * 1_000);
          return (
            <time dateTime={at.toISOString()} title={exactly(at)}>
              {slackDate(format, at, present)}
            </time>
          );
        },
        link: ({ href, children }) => (
          <a href={hereIfFile(href)} target="_blank" rel="noreferrer">
            {children}
          </a>
        ),
      }}
    />
  );
});

/** The page serves a workspace file's address itself. */
function hereIfFile(href: string): string {
  const id = /^https:\/\/\w+\.slack\.com\/files\/\w+\/(\w+)\//u.exec(href)?.[1];
  return id === undefined ? href : `/files/${id}`;
}

const FENCED = /```([\s\S]*?)```/u;

/** Text in Slack's mrkdwn. Fenced text is drawn as it is: the library would format it. */
export function Mrkdwn({ text }: { readonly text: string }) {
  // A pattern with a group splits into outside and inside, alternating.
  return text.split(FENCED).map((part, index) => {
    const key = `${index}`;
    if (index % 2 === 1) return <pre key={key}>{unescaped(part.replace(/^\n|\n$/gu, ''))}</pre>;
    const words = part.replace(/^\n+|\n+$/gu, '');
    return words === '' ? null : <Drawn key={key} block={sectionOf(words)} />;
  });
}

export function Words({ of }: { readonly of: { readonly type: string; readonly text: string } }) {
  return of.type === 'mrkdwn' ? <Mrkdwn text={of.text} /> : unescaped(of.text);
}

const sectionOf = (text: string): BlockData => ({ type: 'section', text: { type: 'mrkdwn', text } });

export function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
