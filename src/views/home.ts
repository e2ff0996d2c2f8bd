import { isOperator, isSuperadmin, type Operator } from '../operators/operator.js';
import type { MaintenanceSeen } from '../promotions/home.js';
import { endedAt, type Promotion } from '../promotions/promotion.js';
import type { Severity } from '../promotions/stuck.js';
import { rcaButton, resolutionButtons } from './alert.js';
import { type Block, context, type HomeTab, section } from './blocks.js';
import { outcomeHeadline, SEVERITY_SIGN, sinceWhen } from './headline.js';
import { COMMAND } from './ids.js';
import { code, key, moment, person, when } from './text.js';

/** How many of each are shown; the slash command pages through the rest. Well under Slack's 100 blocks in all. */
export const HOME_ROWS = 5;

export interface HomeFacts {
  readonly stuck: readonly { readonly promotion: Promotion; readonly severity: Severity }[];
  readonly stuckTotal: number;
  /** Deploying, and not stuck. */
  readonly running: readonly Promotion[];
  readonly runningTotal: number;
  readonly withoutRca: readonly Promotion[];
  readonly withoutRcaTotal: number;
  /** Only the newest alerts were counted; there may be more. */
  readonly withoutRcaIsAtLeast: boolean;
  readonly resolved: readonly Promotion[];
  readonly maintenance: MaintenanceSeen;
  readonly superadmins: readonly Operator[];
}

/** One person's home tab: superadmins get buttons, others read what they may do and whom to ask. */
export function homeTab(facts: HomeFacts, viewer: Operator | null, asOf: Date): HomeTab {
  return {
    type: 'home',
    blocks: [
      ...watchdogBlocks(facts),
      ...stuckBlocks(facts, isSuperadmin(viewer)),
      ...listBlocks('Running', facts.running, facts.runningTotal, running, 'Nothing is being promoted.', 'list'),
      ...rcaBlocks(facts, isOperator(viewer)),
      ...listBlocks(
        'Last resolutions',
        facts.resolved,
        facts.resolved.length,
        (promotion) => outcomeHeadline(promotion),
        'Nobody had to resolve anything yet.',
        'list',
      ),
      { type: 'divider' },
      context(rights(viewer, facts.superadmins), `As of ${moment(asOf)}. Open this tab again to refresh it.`),
    ],
  };
}

const OPEN_AGAIN = 'Open this tab again to see what is stuck.';

/** For a person whom the app has forgotten, until they open the tab again. */
export function emptyHomeTab(): HomeTab {
  return { type: 'home', blocks: [section(OPEN_AGAIN)] };
}

/** In the tab's place, until they open it again: why it wasn't loaded, or what came of a click in it. */
export function homeNotice(text: string): HomeTab {
  return { type: 'home', blocks: [section(text), context(OPEN_AGAIN)] };
}

/** For a person of another workspace. */
export function externalHomeTab(): HomeTab {
  return {
    type: 'home',
    blocks: [section(':lock: Only people of this app’s own workspace can use it.')],
  };
}

function watchdogBlocks({ maintenance }: HomeFacts): Block[] {
  const { last, silentSince } = maintenance;
  if (silentSince !== null) {
    const since = last === null ? 'since its start' : `since ${when(last)}`;
    return [
      section(
        `:rotating_light: *The watchdog is silent*, ${since}. It doesn’t notice what gets stuck now. /readyz and the app’s log say why.`,
      ),
    ];
  }
  return [
    section(
      last === null
        ? ':hourglass_flowing_sand: *The watchdog has just started*; its first check isn’t done yet.'
        : `:white_check_mark: *The watchdog is alive.* Last check ${when(last)}.`,
    ),
  ];
}

function stuckBlocks({ stuck, stuckTotal }: HomeFacts, withButtons: boolean): Block[] {
  if (stuckTotal === 0) return [header('Stuck'), section('Nothing is stuck.')];
  const blocks: Block[] = [header(`Stuck: ${stuckTotal}`)];
  for (const { promotion, severity } of stuck) {
    blocks.push(
      section(
        `${SEVERITY_SIGN[severity]} ${subject(promotion)}\nDeploying since ${sinceWhen(promotion)}, promoted by ${person(promotion.promotedBy)} · promotion ${promotion.id}`,
      ),
    );
    if (withButtons) blocks.push(resolutionButtons(promotion, null));
  }
  return [...blocks, ...more(stuckTotal - stuck.length, 'stuck')];
}

function rcaBlocks(facts: HomeFacts, withButtons: boolean): Block[] {
  const { withoutRca, withoutRcaTotal, withoutRcaIsAtLeast } = facts;
  if (withoutRcaTotal === 0) return [header('Without an RCA'), section('No RCA is missing.')];
  const blocks: Block[] = [header(`Without an RCA: ${withoutRcaIsAtLeast ? 'at least ' : ''}${withoutRcaTotal}`)];
  for (const promotion of withoutRca) {
    const at = endedAt(promotion);
    blocks.push(
      section(
        `${subject(promotion)}\n${code(promotion.state)}${at === null ? '' : ` ${when(at)}`} · promotion ${promotion.id}`,
      ),
    );
    if (withButtons) blocks.push({ type: 'actions', elements: [rcaButton(promotion)] });
  }
  return [...blocks, ...more(withoutRcaTotal - withoutRca.length, 'rca')];
}

function listBlocks(
  title: string,
  rows: readonly Promotion[],
  total: number,
  line: (promotion: Promotion) => string,
  none: string,
  command: string,
): Block[] {
  if (rows.length === 0) return [header(title), section(none)];
  return [header(title), ...rows.map((promotion) => section(line(promotion))), ...more(total - rows.length, command)];
}

function running(promotion: Promotion): string {
  return `:hourglass_flowing_sand: ${subject(promotion)}\nSince ${sinceWhen(promotion)}, promoted by ${person(promotion.promotedBy)} · promotion ${promotion.id}`;
}

function subject({ flagKey, herokuApp }: Promotion): string {
  return `${key(flagKey)} on ${key(herokuApp)}`;
}

function more(count: number, command: string): Block[] {
  return count > 0 ? [context(`And ${count} more: ${code(`${COMMAND} ${command}`)}`)] : [];
}

function header(text: string): Block {
  return { type: 'header', text: { type: 'plain_text', text, emoji: false } };
}

function rights(viewer: Operator | null, superadmins: readonly Operator[]): string {
  if (isSuperadmin(viewer)) {
    return 'You are a superadmin: with a code you can resolve, promote and cancel.';
  }
  const whom =
    superadmins.length === 0
      ? 'There is no superadmin yet; the app’s administrator can enrol one.'
      : `To resolve or to promote, ask ${superadmins
          .slice(0, 5)
          .map(({ slackUserId }) => person(slackUserId))
          .join(' or ')}.`;
  return isOperator(viewer)
    ? `You are an engineer: you can mark flags for promotion, link RCAs, acknowledge and snooze alerts, and with a code cancel what is marked. ${whom}`
    : `You can look at everything here. ${whom}`;
}
