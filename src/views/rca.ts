import type { Promotion } from '../promotions/promotion.js';
import type { RcaUrlFault } from '../promotions/rca-url.js';
import { rcaLink } from './alert.js';
import { type Answer, type Block, button, initialUrl, type Modal, plainText, section } from './blocks.js';
import { ACTION, BLOCK, COMMAND, CONFIRMED, INPUT, VIEW } from './ids.js';
import { code, key, plain, utc } from './text.js';

export function rcaModal(facts: {
  readonly promotion: Promotion;
  readonly initialUrl: string | null;
  readonly privateMetadata: string;
}): Modal {
  const { promotion } = facts;
  const current =
    promotion.rcaUrl === null
      ? 'No RCA is linked yet.'
      : `Linked now: ${rcaLink(promotion.rcaUrl)}. If you link another, the audit log keeps this one.`;
  const linking = modal(
    [section(`The RCA of ${key(promotion.flagKey)} on ${key(promotion.herokuApp)}. ${current}`)],
    facts.initialUrl,
    facts.privateMetadata,
  );
  return { ...linking, blocks: [...linking.blocks, ...drafting(promotion)] };
}

/** Instead of a link: a draft to start from. */
function drafting(promotion: Promotion): Block[] {
  return [
    { type: 'divider' },
    section(
      '*Not written yet?* Get a draft from what is on record, as a Markdown file in the alert’s thread. You add what only people know.',
    ),
    ...(promotion.rcaUrl === null ? [recordDraft()] : []),
    {
      type: 'actions',
      elements: [button(ACTION.draftRca, 'Draft RCA', { value: promotion.id })],
    },
  ];
}

function recordDraft(): Block {
  return {
    type: 'input',
    block_id: BLOCK.recordDraft,
    optional: true,
    label: plainText('With the draft'),
    element: {
      type: 'checkboxes',
      action_id: INPUT,
      options: [{ text: plainText('Record the draft as the RCA'), value: CONFIRMED }],
    },
  };
}

/** For a message outside an alert's thread: the person chooses the promotion. */
export function rcaChoiceModal(facts: {
  readonly promotions: readonly Promotion[];
  readonly initialUrl: string | null;
  readonly privateMetadata: string;
}): Modal {
  const options = facts.promotions.slice(0, 100).map((promotion) => ({
    text: plainText(plain(`${promotion.flagKey} · ${promotion.herokuApp} · ${utc(promotion.createdAt)}`, 75)),
    value: promotion.id,
  }));
  return modal(
    [
      section('That message is not in an alert’s thread. Which promotion’s RCA is it?'),
      {
        type: 'input',
        block_id: BLOCK.promotion,
        label: plainText('Promotion'),
        element: { type: 'static_select', action_id: INPUT, options },
      },
    ],
    facts.initialUrl,
    facts.privateMetadata,
  );
}

function modal(intro: Block[], proposed: string | null, privateMetadata: string): Modal {
  return {
    type: 'modal',
    callback_id: VIEW.rca,
    private_metadata: privateMetadata,
    title: plainText('Link RCA'),
    submit: plainText('Link RCA'),
    close: plainText('Cancel'),
    blocks: [
      ...intro,
      {
        type: 'input',
        block_id: BLOCK.rcaUrl,
        label: plainText('RCA link'),
        hint: plainText('https://…'),
        element: {
          type: 'url_text_input',
          action_id: INPUT,
          ...initialUrl(proposed),
        },
      },
    ],
  };
}

/** The offer to a person who posted a link in an alert's thread; `value` comes back with the button. */
export function rcaOffer(promotion: Promotion, url: string, value: string): Answer {
  const text = `Is ${rcaLink(url)} the RCA of ${key(promotion.flagKey)}?`;
  return {
    text,
    blocks: [
      section(text),
      {
        type: 'actions',
        elements: [
          button(ACTION.acceptRcaOffer, 'Link as RCA', { value, style: 'primary' }),
          button(ACTION.declineRcaOffer, 'No', { value: promotion.id }),
        ],
      },
    ],
  };
}

export function rcaUrlWords(fault: RcaUrlFault, allowedHosts: readonly string[]): string {
  switch (fault) {
    case 'not_a_url':
      return 'This is not a link. It should look like https://docs.example.com/rca/2026-05-11';
    case 'not_https':
      return 'The link must begin with https://';
    case 'has_credentials':
      return 'The link has a user name or password in it. Remove that part.';
    case 'too_long':
      return 'The link is longer than 2,048 characters. Use a shorter one.';
    case 'host_not_allowed':
      return `RCAs can only be linked on ${allowedHosts.slice(0, 10).join(', ')}.`;
  }
}

export function rcaLinkedAnswer(promotion: Promotion, previousUrl: string | null): string {
  const url = promotion.rcaUrl ?? '';
  const replaced = previousUrl === null ? '' : ` It replaces ${rcaLink(previousUrl)} (kept in the audit log).`;
  return `:page_facing_up: Linked as the RCA of ${key(promotion.flagKey)}: ${rcaLink(url)}.${replaced}`;
}

export function rcaUnchangedAnswer(promotion: Promotion): string {
  return `That is already the RCA of ${key(promotion.flagKey)}.`;
}

export function notInAlertThread(): string {
  return `Mention me in an alert’s thread with the link of its RCA. Anywhere else, use ${code(`${COMMAND} rca`)}.`;
}

export function urlMissing(): string {
  return 'Mention me again with the link of the RCA (https://…).';
}

export function noRcaWanted(): string {
  return 'No RCA is missing. To replace one, use the shortcut in its alert’s thread.';
}
