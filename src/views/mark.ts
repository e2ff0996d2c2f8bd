import type { AllowedConfigVars } from '../promotions/config-vars.js';
import type { UnavailableReason } from '../promotions/evidence.js';
import { isDeploying, type Promotion } from '../promotions/promotion.js';
import { subjectLines } from './alert.js';
import { type Answer, type Block, button, context, type Modal, plainText, section } from './blocks.js';
import { ACTION, BLOCK, type BlockId, COMMAND, INPUT, VIEW } from './ids.js';
import { key, label, person, when } from './text.js';

export interface MarkFields {
  readonly flagKey: string;
  readonly herokuApp: string;
  readonly targetValue: string;
  /** '': derived from the flag key by convention. */
  readonly configVar: string;
}

/** Slack's limit for a text field. */
export const FIELD_MAX_LENGTH = 3_000;
const NAME_MAX_LENGTH = 256;

/** An operator's form for marking. `faults`: what was wrong in the typed command. */
export function markModal(facts: {
  readonly initial: MarkFields;
  readonly faults: readonly string[];
  readonly privateMetadata: string;
}): Modal {
  const { initial, faults } = facts;
  const blocks: Block[] = [
    ...(faults.length === 0 ? [] : [section(`:warning: *Not marked yet.*\n${faults.join('\n')}`)]),
    input(BLOCK.flagKey, 'Flag key', initial.flagKey, NAME_MAX_LENGTH, { placeholder: 'console_dark_mode' }),
    input(BLOCK.herokuApp, 'Heroku app', initial.herokuApp, NAME_MAX_LENGTH, { placeholder: 'console-prod' }),
    input(BLOCK.targetValue, 'Value to set', initial.targetValue, FIELD_MAX_LENGTH, { placeholder: 'true' }),
    input(BLOCK.configVar, 'Config var', initial.configVar, NAME_MAX_LENGTH, {
      optional: true,
      hint: 'If empty: FLAG_ and the flag key in upper case.',
    }),
    context('Heroku isn’t touched. Promoting it later needs a superadmin and a code.'),
  ];
  return {
    type: 'modal',
    callback_id: VIEW.mark,
    private_metadata: facts.privateMetadata,
    title: plainText(MARK_TITLE),
    submit: plainText('Mark'),
    close: plainText('Cancel'),
    blocks,
  };
}

export const MARK_TITLE = 'Mark a promotion';

function input(
  blockId: BlockId,
  name: string,
  initial: string,
  maxLength: number,
  more: { readonly placeholder?: string; readonly hint?: string; readonly optional?: boolean },
): Block {
  return {
    type: 'input',
    block_id: blockId,
    optional: more.optional ?? false,
    label: plainText(name),
    ...(more.hint === undefined ? {} : { hint: plainText(more.hint) }),
    element: {
      type: 'plain_text_input',
      action_id: INPUT,
      max_length: maxLength,
      // An input can't show a value that doesn't fit.
      ...(initial === '' || initial.length > maxLength || !initial.isWellFormed() ? {} : { initial_value: initial }),
      ...(more.placeholder === undefined ? {} : { placeholder: plainText(more.placeholder) }),
    },
  };
}

export const MARK_FAULTS = {
  flagKey: 'A flag key has up to 251 letters, digits and _.',
  configVar: 'A config var’s name has up to 256 letters, digits and _.',
  appName: 'A Heroku app’s name has 3 to 30 lower-case letters, digits and dashes, a letter first.',
  appUnknown: 'Heroku has no app of this name, or the API key can’t see it.',
  valueLeftOut:
    'The value is too long for this form (3,000 characters), so it was left out. The command takes a longer one, if it has no ampersands or angle brackets.',
  valueTooLong: 'This value is too long: Heroku takes 32 kB for all config vars of an app.',
  valueUnusable: 'The value has characters that a config var can’t have.',
  valueEmpty: 'Which value should it set?',
} as const;

/** Why a config var isn't set: in a sentence, a field's error, and the row. */
export function notAllowedWords(configVar: string, { patterns }: AllowedConfigVars): string {
  return `This app may not set ${key(configVar)}, only ${patterns.join(', ')}. The app’s administrator can change CONFIG_VAR_PATTERN.`;
}

/** Why Heroku didn't say whether the app exists, for its field. */
export const APP_NOT_KNOWN: Record<UnavailableReason, string> = {
  not_configured: 'Without HEROKU_API_KEY I can’t check whether Heroku has this app.',
  no_answer: 'Heroku didn’t answer. Submit again in a minute.',
  rate_limited: 'Heroku’s rate limit is reached. Submit again in a few minutes.',
  over_budget: 'This app’s requests to Heroku for this hour are used up. Submit again in a few minutes.',
  refused: 'Heroku refused: HEROKU_API_KEY is not valid, or may not see this app.',
  app_not_found: 'Heroku has no app of this name, or the API key can’t see it.',
  delinquent: 'Heroku refused: its account has an unpaid bill. Pay it in Heroku’s dashboard.',
  two_factor: 'Heroku refused: HEROKU_API_KEY needs a second factor. Make a key with: heroku authorizations:create',
  suspended: 'Heroku refused: the account or the app is suspended. Ask Heroku’s support.',
  conflict: 'Heroku is busy with another change of this app. Submit again in a minute.',
};

export function markedAnswer(promotion: Promotion): Answer {
  const text = `:bookmark: Marked ${key(promotion.flagKey)} on ${key(promotion.herokuApp)} as promotion ${promotion.id}. Promote it: \`${COMMAND} promote ${promotion.id}\``;
  return { text, blocks: [section(text), section(subjectLines(promotion).join('\n')), markedButtons(promotion)] };
}

/** One active promotion per app and config var. */
export function alreadyActiveAnswer(active: Promotion): Answer {
  const what = `${key(active.configVar)} on ${key(active.herokuApp)}`;
  const lead = isDeploying(active)
    ? `${what} is *already being promoted* by ${person(active.promotedBy)}, since ${when(active.promotedAt ?? active.createdAt)}.`
    : `${what} is *already marked* by ${person(active.markedBy)}, since ${when(active.markedAt ?? active.createdAt)}.`;
  const rest = isDeploying(active)
    ? `Follow it: \`${COMMAND} show ${active.id}\``
    : 'Promote that one, or cancel it first.';
  const text = `${lead} ${rest}`;
  const blocks: Block[] = [section(text), section(subjectLines(active).join('\n'))];
  if (!isDeploying(active)) blocks.push(markedButtons(active));
  return { text, blocks };
}

export function markedButtons({ id, flagKey }: Promotion): Block {
  return {
    type: 'actions',
    elements: [
      button(ACTION.promote, 'Promote', { value: id, accessibilityLabel: label(`Promote: ${flagKey}`, 75) }),
      button(ACTION.cancel, 'Cancel promotion', {
        value: id,
        accessibilityLabel: label(`Cancel promotion: ${flagKey}`, 75),
      }),
    ],
  };
}

export const MARKED_SHOWN = 10;

export function markedListAnswer(promotions: readonly Promotion[]): Answer {
  if (promotions.length === 0) {
    const text = `Nothing is marked. Mark a flag: \`${COMMAND} mark\``;
    return { text, blocks: [section(text)] };
  }
  const text = '*Marked for promotion*, newest first';
  const blocks: Block[] = [section(text)];
  for (const promotion of promotions.slice(0, MARKED_SHOWN)) {
    blocks.push(
      section(
        [
          `:bookmark: ${key(promotion.flagKey)} · promotion ${promotion.id}`,
          ...subjectLines(promotion),
          `*Marked* by ${person(promotion.markedBy)}, ${when(promotion.markedAt ?? promotion.createdAt)}`,
        ].join('\n'),
      ),
      markedButtons(promotion),
    );
  }
  if (promotions.length > MARKED_SHOWN) blocks.push(context(`Older ones: \`${COMMAND} list\``));
  return { text, blocks };
}

/** Promoting needs a Heroku key. */
export function promotingOffWords(): string {
  return ':zzz: Promoting is off: HEROKU_API_KEY isn’t set. Ask the app’s administrator. Alerts still work.';
}
