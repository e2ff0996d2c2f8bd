import { auditWords } from '../promotions/audit-actions.js';
import { type PresentableValue, presentableValue } from '../promotions/evidence.js';
import type { RcaEvent, RcaFacts, RcaRelease, RcaReplyKind, Span, TimelineEntry } from '../promotions/rca-draft.js';
import { linkableRcaUrl } from '../promotions/rca-url.js';
import { hours, literal, utcSeconds } from './markdown.js';

/** People's names by Slack id; a missing one is shown by id. */
export type Names = ReadonlyMap<string, string>;

/**
 * An RCA draft in Markdown, with the headings of the incident of 2026-05-11, in order. Known facts are filled in; what
 * only people know is a quoted question that starts with "To answer:".
 */
export function rcaDraft(facts: RcaFacts, names: Names): string {
  const { promotion } = facts.material;
  const sections: readonly (readonly [string, readonly string[]])[] = [
    ['Summary', summary(facts, names)],
    ['Timeline (all times UTC)', timeline(facts, names)],
    ['Impact', impact(facts)],
    ['What went well', [ask('What went well?')]],
    ["What didn't go well", [ask('What did not go well?')]],
    ['Root cause analysis', rootCause(facts)],
    ['Detection', detection(facts, names)],
    ['Resolution', resolution(facts, names)],
    ['Action items', actionItems()],
    ['References', references(facts)],
  ];
  return [
    `# RCA — Stuck Flag Promotion: ${literal(promotion.flagKey)}`,
    '',
    ...head(facts, names),
    ...sections.flatMap(([title, lines]) => ['', `## ${title}`, '', ...lines]),
    '',
  ].join('\n');
}

function ask(question: string): string {
  return `> **To answer:** ${question}`;
}

/** A question after a paragraph or list needs an empty line, or Markdown joins them. */
function withQuestions(lines: readonly string[], ...questions: readonly string[]): string[] {
  const asked = questions.flatMap((question, index) => (index === 0 ? [ask(question)] : ['', ask(question)]));
  return lines.length === 0 ? asked : [...lines, '', ...asked];
}

function head(facts: RcaFacts, names: Names): string[] {
  const { material, severity, spans } = facts;
  const marked =
    spans.markedToEnd === null
      ? null
      : `${hours(spans.markedToEnd.ms)} in total (${utcSeconds(spans.markedToEnd.from)} marked → ${utcSeconds(spans.markedToEnd.to)} ended)`;
  const deploying =
    spans.deploying === null
      ? null
      : `${hours(spans.deploying.ms)} in \`deploying\` (since ${utcSeconds(spans.deploying.from)})`;
  const lasted = [marked, deploying].filter((text) => text !== null);
  return withQuestions(
    [
      `- **Incident ID:** ${facts.incidentId}`,
      `- **Date:** ${facts.date}`,
      `- **Severity:** ${severity === null ? 'no alert was opened' : `${severity} (the watchdog’s)`}`,
      `- **Duration:** ${lasted.length > 0 ? lasted.join('; ') : facts.isDeploying ? 'still in `deploying`' : 'unknown: the row lacks its times'}`,
      `- **Blast radius:** ${literal(material.promotion.configVar)} on ${literal(material.promotion.herokuApp)}`,
      `- **Author:** ${who(material.draftedBy, names)}, from a draft by flag-promotions of ${utcSeconds(material.draftedAt)}`,
    ],
    'Which severity is it on your scale (SEV-1 to SEV-4)?',
    'Blast radius: who noticed anything, and was any data at risk?',
  );
}

function summary(facts: RcaFacts, names: Names): string[] {
  const { material, change, live } = facts;
  const { promotion } = material;
  const variable = `${literal(promotion.configVar)} = ${value(presentableValue(promotion.targetValue))} on ${literal(promotion.herokuApp)}`;
  const sentences = [
    `The flag ${literal(promotion.flagKey)} was ${stages(facts, names)}.`,
    change !== null
      ? `Heroku took the change: ${releaseName(change)} (${change.status}, ${utcSeconds(change.at)}) set ${variable}.`
      : `The promotion was to set ${variable}.${live === null ? '' : ' No release since it began is known to have made that change; the value was in force all the same.'}`,
    facts.endedAt === null
      ? facts.isDeploying
        ? 'The row is still in `deploying`.'
        : `The row is no longer in \`deploying\`; its state is ${literal(promotion.state)}.`
      : `The row stayed in \`deploying\`${facts.startedAt === null ? '' : ` from ${utcSeconds(facts.startedAt)}`} until ${utcSeconds(facts.endedAt)}; its state is now ${literal(promotion.state)}.`,
    facts.detectedAt === null
      ? 'The watchdog recorded no alert for it.'
      : `It was detected at ${utcSeconds(facts.detectedAt)}.`,
    ...(facts.resolution === null
      ? []
      : [
          `It was ended by ${who(facts.resolution.actor, names)} at ${utcSeconds(facts.resolution.at)}, with an audit event ${literal(facts.resolution.action)}.`,
        ]),
  ];
  return withQuestions([sentences.join(' ')], 'In a sentence, what happened, and why did nobody see it sooner?');
}

function stages({ material: { promotion }, startedAt }: RcaFacts, names: Names): string {
  const { markedAt, markedBy, promotedAt, promotedBy } = promotion;
  const told = [
    ...(markedAt === null ? [] : [`marked for promotion on ${utcSeconds(markedAt)} by ${who(markedBy, names)}`]),
    ...(promotedAt === null ? [] : [`promoted on ${utcSeconds(promotedAt)} by ${who(promotedBy, names)}`]),
  ];
  if (told.length > 0) return told.join(' and ');
  return startedAt === null ? 'promoted; the row does not say when' : `recorded on ${utcSeconds(startedAt)}`;
}

function timeline(facts: RcaFacts, names: Names): string[] {
  const { releases, thread } = facts.material;
  const notes = [
    ...(releases.kind === 'unavailable'
      ? [
          releases.reason === 'not_configured'
            ? 'Heroku’s releases are missing: this app has no HEROKU_API_KEY.'
            : 'Heroku’s releases are missing: Heroku did not answer when this was drafted.',
        ]
      : []),
    ...(releases.kind === 'read' && !releases.complete ? ['Heroku’s older releases were not looked at.'] : []),
    ...(thread.kind === 'unavailable' ? ['The thread is missing: Slack did not answer when this was drafted.'] : []),
    ...(thread.kind === 'read' && !thread.complete ? ['The thread’s newest messages were not read: it is long.'] : []),
  ];
  const lines = facts.timeline.map((entry) => `- ${utcSeconds(entry.at)}: ${happened(entry, names)}`);
  return withQuestions(
    [...(lines.length > 0 ? lines : ['Nothing is on record.']), ...notes.flatMap((n) => ['', n])],
    'What happened that is not on record (a restart, a call, a command typed by hand)?',
  );
}

function happened(entry: TimelineEntry, names: Names): string {
  switch (entry.kind) {
    case 'marked':
      return `marked for promotion by ${who(entry.by, names)}`;
    case 'promoted':
      return `promoted by ${who(entry.by, names)}; the row is in \`deploying\``;
    case 'release':
      return releaseLine(entry.release);
    case 'event':
      return eventLine(entry.event, names);
    case 'alert_posted':
      return entry.inThread
        ? `${entry.severity} posted in the thread of the alert`
        : `${entry.severity} alert posted in Slack`;
    case 'reply_posted':
      return REPLIES[entry.reply];
    case 'message': {
      const { author, text, files } = entry.message;
      const attached = files === 0 ? '' : files === 1 ? ' (with a file)' : ` (with ${files} files)`;
      const said = text.trim() === '' ? 'wrote no text' : `wrote ${literal(fromSlack(text, names), 500)}`;
      return `in the thread, ${who(author, names)} ${said}${attached}`;
    }
    case 'ended':
      return `the row says ${literal(entry.state)}; no audit event says who set it`;
  }
}

const REPLIES: Record<RcaReplyKind, string> = {
  repeat: 'critical repeated in the thread: still open',
  resolved: 'the end was posted in the thread',
  rca_linked: 'the RCA’s link was posted in the thread',
  rca_reminder: 'a reminder of the missing RCA was posted in the thread',
  owner_asked: 'the owner was asked in the thread: still on it?',
  owner_lost: 'alert repeated in the thread: its owner was gone',
  released: 'the thread says that its owner released it',
  taken_over: 'the thread says that it was taken over',
  snooze_ended: 'alert repeated in the thread: its snooze was over',
};

function releaseLine(release: RcaRelease): string {
  const held =
    release.value === null
      ? ''
      : `; the config var ${release.isTarget === true ? 'holds the target value' : 'does not hold the target value'} (${value(release.value)})`;
  return `Heroku release ${releaseName(release)} by ${literal(release.user)}: ${literal(release.description)}, ${release.status}${held}`;
}

function eventLine(event: RcaEvent, names: Names): string {
  const known = auditWords(event.action);
  const details = [
    ...(typeof event.detail['note'] === 'string' ? [`note ${literal(event.detail['note'], 500)}`] : []),
    ...(typeof event.detail['reason'] === 'string' ? [`reason ${literal(event.detail['reason'], 300)}`] : []),
    ...(event.detail['contradiction_confirmed'] === true ? ['against what Heroku said, confirmed'] : []),
  ];
  const said = [`${known?.rca ?? known?.words ?? 'recorded'} by ${who(event.actor, names)}`, ...details].join('; ');
  return `${said} (audit event ${event.id}, ${literal(event.action)})`;
}

function impact({ spans, live, endedAt, isDeploying, material }: RcaFacts): string[] {
  const stuck = spans.deploying;
  return withQuestions(
    [
      stuck === null
        ? isDeploying
          ? '- The row is still in `deploying`.'
          : '- How long the row was in `deploying` is unknown: it lacks its times.'
        : `- The row was in \`deploying\` for ${hours(stuck.ms)}, from ${utcSeconds(stuck.from)} to ${utcSeconds(stuck.to)}.`,
      live === null
        ? '- No release is known that had the target value in force by then.'
        : `- The target value was in force on ${literal(material.promotion.herokuApp)} since ${releaseName(live.since)}${live.exact ? '' : ' at the latest'}, ${utcSeconds(live.since.at)}${endedAt === null ? '' : ', and still was when the row ended'}.`,
    ],
    'Who was affected, how, and how many?',
    'Was any data lost, exposed or at risk?',
  );
}

function rootCause({ checkpoint, material, change, lostWrite }: RcaFacts): string[] {
  const { promotion } = material;
  const known: string[] = [];
  switch (checkpoint.kind) {
    case 'none':
      known.push('- The row has no checkpoint: nothing in it says how far the work on Heroku had come.');
      break;
    case 'intent':
      known.push('- The row’s checkpoint is `INTENT`: the work was about to set the config var, or had just done so.');
      break;
    case 'pending_commit': {
      const took = `Heroku took the change${change === null ? '' : ` at ${utcSeconds(change.at)}`}`;
      known.push(
        `- The row’s checkpoint is \`PENDING_COMMIT\`: ${took}${lostWrite ? ', and the write after it was lost' : ''}.`,
      );
      break;
    }
    case 'external':
      known.push(`- The row’s checkpoint is another system’s word: ${literal(promotion.checkpoint ?? '')}.`);
      break;
  }
  if (change !== null) known.push(`- On Heroku the change was made: ${releaseName(change)}, ${utcSeconds(change.at)}.`);
  if (promotion.failureReason !== null)
    known.push(`- The row’s failure reason: ${literal(promotion.failureReason, 500)}.`);
  return withQuestions(
    known,
    change === null
      ? 'What held the promotion up?'
      : 'What interrupted the promotion between Heroku’s change and the write of its state?',
    'Why could that leave the row as it was, and what let it stay so?',
  );
}

function detection(facts: RcaFacts, names: Names): string[] {
  const { couldBeSeenAt, detectedAt, detectedBy, acknowledged, spans, startedAt, material } = facts;
  const after = hours(material.thresholds.warningAfterMs);
  return withQuestions(
    [
      couldBeSeenAt === null
        ? startedAt === null
          ? '- When it could have been seen is unknown: the row does not say when it began to deploy.'
          : `- It never reached the warning threshold (${after} in \`deploying\`).`
        : `- It could have been seen at ${utcSeconds(couldBeSeenAt)}: STUCK_WARNING_AFTER is ${after}.`,
      detectedAt === null
        ? '- It was not detected by the watchdog: no alert is on record.'
        : `- It was seen at ${utcSeconds(detectedAt)}: ${detectedBy === 'alert' ? 'the first alert that is on record was posted' : 'the watchdog recorded it; no post is on record'}.`,
      `- Time to detect: ${spanText(spans.detect, 'from the start of `deploying`')}`,
      ...(spans.unseen === null ? [] : [`- Of that, past the threshold: ${hours(spans.unseen.ms)}`]),
      `- Time to acknowledge: ${
        acknowledged === null
          ? 'unknown: no person left a trace'
          : `${spanText(spans.acknowledge, 'from detection')}, by ${who(acknowledged.by, names)} (${acknowledged.how === 'event' ? 'audit event' : 'message in the thread'}, ${utcSeconds(acknowledged.at)})`
      }`,
    ],
    'Who noticed it first, and by what: the alert, or by chance?',
  );
}

function resolution(facts: RcaFacts, names: Names): string[] {
  const { endedAt, resolution: event, spans, material } = facts;
  const { promotion } = material;
  if (endedAt === null) {
    return withQuestions(
      [
        facts.isDeploying
          ? 'Not resolved yet.'
          : `The row’s state is ${literal(promotion.state)}; it does not say since when.`,
      ],
      'How was it resolved, by whom, and when?',
    );
  }
  const ended =
    promotion.state === 'deployed' && promotion.deployedAt !== null
      ? `, \`deployed_at\` = ${utcSeconds(promotion.deployedAt)}`
      : promotion.state === 'failed' && promotion.failedAt !== null
        ? `, \`failed_at\` = ${utcSeconds(promotion.failedAt)}`
        : '';
  return withQuestions(
    [
      `- The row says \`state\` = ${literal(promotion.state)}${ended}.`,
      event === null
        ? '- No audit event says who ended it: another system did, or somebody by SQL.'
        : `- ${utcSeconds(event.at)}: ${eventLine(event, names)}`,
      ...evidenceLines(event),
      ...(promotion.resolutionNote === null || promotion.resolutionNote === event?.detail['note']
        ? []
        : [`- Note: ${literal(promotion.resolutionNote, 1_000)}`]),
      `- Time to resolve: ${spanText(spans.resolve, 'from detection')}`,
    ],
    'What was done beside that (commands, restarts, rollbacks)?',
  );
}

/** What Heroku said at the end, from the audit event: already masked if it may be secret. */
function evidenceLines(event: RcaEvent | null): string[] {
  // A person decided on what the form showed; the app, on its own proof.
  const shown = event?.detail['evidence_shown'] ?? event?.detail['evidence'];
  if (typeof shown !== 'object' || shown === null || !('verdict' in shown)) return [];
  if (shown.verdict === 'live') return ['- Heroku’s answer at that moment: live, the target value was in force.'];
  const words = typeof shown.verdict === 'string' ? OTHER_VERDICTS.get(shown.verdict) : undefined;
  return words === undefined ? [] : [`- Heroku’s answer at that moment: ${words}.`];
}

function actionItems(): string[] {
  return withQuestions(
    ['| # | Action | Owner | Due | Issue |', '| --- | --- | --- | --- | --- |', '| 1 |  |  |  |  |'],
    'What keeps this from happening again, who does it, and by when?',
  );
}

function references({ material, live }: RcaFacts): string[] {
  const { promotion, events } = material;
  const url = linkableRcaUrl(promotion.rcaUrl);
  const [first, last] = [events.at(0), events.at(-1)];
  return withQuestions(
    [
      `- Promotion ${promotion.id} (\`console_flag_promotions\`)`,
      ...(first === undefined || last === undefined
        ? []
        : [
            `- Audit ${events.length === 1 ? `event ${first.id}` : `events ${first.id} to ${last.id}`} (\`flag_promotions.audit_log\`)`,
          ]),
      ...(live === null ? [] : [`- Heroku release ${releaseName(live.since)} of ${literal(promotion.herokuApp)}`]),
      ...(url === null ? [] : [`- RCA on record: <${url}>`]),
    ],
    'Which pull requests, issues and dashboards belong to it?',
  );
}

function spanText(span: Span | null, from: string): string {
  return span === null ? 'unknown' : `${hours(span.ms)} (${from})`;
}

function releaseName({ version }: RcaRelease): string {
  return `v${version}`;
}

function value(held: PresentableValue): string {
  switch (held.kind) {
    case 'unset':
      return 'not set';
    case 'plain':
      return literal(held.value);
    case 'masked':
      return 'a value that is not shown';
  }
}

function who(id: string | null, names: Names): string {
  return id === null ? 'somebody (not recorded)' : literal(names.get(id) ?? id, 80);
}

/** Slack's markup as plain text: entities, mentions by name, links as label and address. */
function fromSlack(text: string, names: Names): string {
  return text
    .slice(0, 10_000)
    .replaceAll(/<([^<>]*)>/gu, (_, inside: string) => {
      const [target = '', label] = inside.split('|');
      if (target.startsWith('@')) return `@${names.get(target.slice(1)) ?? label ?? target.slice(1)}`;
      if (/^[#!]/u.test(target)) return label ?? target;
      return label === undefined || label === target ? target : `${label} (${target})`;
    })
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

const OTHER_VERDICTS: ReadonlyMap<string, string> = new Map([
  ['not_live', 'not live'],
  ['release_running', 'not live yet, its release was still running'],
  ['release_failed', 'not live, its release had failed'],
  ['changed_since', 'not live any more, another release had changed it'],
]);
