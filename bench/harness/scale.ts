import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { REQUESTS_PER_HOUR, SHARE } from '../../src/heroku/budget.js';
import { RESERVED_REQUESTS, REFRESH_EVERY_MS } from '../../src/promotions/evidence-refresh.js';
import { short } from './figures.js';
import { ROOT } from './processes.js';

/** What one of something costs, as the row `costs` measures it. */
export interface Cost {
  readonly statements: number;
  readonly wal: number;
  /** Calls of Slack's Web API. */
  readonly slack: number;
  readonly heroku: number;
  readonly events: number;
  /** Bytes that stay in tables and indexes. */
  readonly kept: number;
}

export interface UnitCosts {
  readonly promotion: Cost;
  readonly alert: Cost;
  readonly resolution: Cost;
  readonly tick: Cost;
  /** Statements a minute of a waiting promoter. */
  readonly waiting: number;
  /** The most sessions of one replica. */
  readonly connections: number;
}

/** Limits outside: Heroku's requests an hour and account, Slack's messages an hour and channel. */
const HEROKU_AN_HOUR = 4_500;
const SLACK_AN_HOUR = 3_600;
/** Sessions that a server allows: Heroku's smallest plan, PostgreSQL's own default. */
const SMALLEST_PLAN = 20;
const SERVER_DEFAULT = 100;
/** Assumed: promotions come within eight hours, and one in a hundred gets stuck. */
const HOURS = 8;
const STUCK_SHARE = 0.01;
/** One for the form, one at its submission. */
const HEROKU_A_RESOLUTION = 2;
const MB = 2 ** 20;

const FILE = path.join(ROOT, 'docs/scale.md');
const BEGIN = '<!-- written by npm run bench -- costs -->';
const END = '<!-- until here -->';

/** Rewrites the computed part of docs/scale.md; the text around it stays. */
export async function writeScale(units: UnitCosts): Promise<void> {
  const text = await readFile(FILE, 'utf8');
  const [before, after] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (before === -1 || after === -1) throw new Error('docs/scale.md has no place for what is computed.');
  const computed = `${BEGIN}\n\n${scaleTables(units)}\n\n${text.slice(after)}`;
  await writeFile(FILE, text.slice(0, before) + computed);
}

/** Every line shows its calculation, so that a reader can repeat it. */
export function scaleTables(units: UnitCosts): string {
  return [unitTable(units), byPromotions(units), byApps(), byReplicas(units)].join('\n\n');
}

function unitTable({ promotion, alert, resolution, tick, waiting, connections }: UnitCosts): string {
  const row = (name: string, { statements, wal, slack, heroku, events, kept }: Cost): readonly string[] => [
    name,
    ...[statements, wal, slack, heroku, events, kept].map(short),
  ];
  return `### Unit costs

${table([
  ['one of', 'statements', 'WAL, bytes', 'Slack calls', 'Heroku requests', 'audit events', 'kept, bytes'],
  row('promotion', promotion),
  row('alert', alert),
  row('resolution', { ...resolution, heroku: HEROKU_A_RESOLUTION }),
  row('tick', tick),
])}

A promoter that waits: ${short(waiting)} statements a minute. A replica: ${connections} sessions at the most.`;
}

/** A promotion with its share of alerts and resolutions. */
function withStuck({ promotion, alert, resolution }: UnitCosts): Cost {
  const of = (name: keyof Cost): number => promotion[name] + STUCK_SHARE * (alert[name] + resolution[name]);
  return {
    statements: of('statements'),
    wal: of('wal'),
    slack: of('slack'),
    heroku: of('heroku') + STUCK_SHARE * HEROKU_A_RESOLUTION,
    events: of('events'),
    kept: of('kept'),
  };
}

function byPromotions(units: UnitCosts): string {
  const one = withStuck(units);
  const rows = [10, 100, 1_000, 10_000].map((day) => {
    const heroku = (day * one.heroku) / HOURS;
    const slack = (day * one.slack) / HOURS;
    const shares: readonly (readonly [string, number])[] = [
      ['Heroku', heroku / HEROKU_AN_HOUR],
      ['Slack, one channel', slack / SLACK_AN_HOUR],
    ];
    const [fullest = ['', 0]] = shares.toSorted(([, one], [, other]) => other - one);
    return [
      day.toLocaleString('en'),
      short((day * one.statements) / (HOURS * 3_600)),
      short((day * one.wal) / MB),
      short(heroku),
      short(slack),
      short(365 * day * one.events),
      short((365 * day * one.kept) / MB),
      `${fullest[0]}: ${short(fullest[1] * 100)} %`,
    ];
  });
  return `### By promotions a day

P promotions a day, within ${HOURS} hours; ${STUCK_SHARE * 100} % of them get stuck and are resolved. U is a promotion + ${STUCK_SHARE} × (an alert + a resolution).

${table([
  [
    'P',
    `statements a second: P × U / ${HOURS * 3_600}`,
    'WAL a day, MB: P × U',
    `Heroku requests an hour: P × U / ${HOURS}`,
    `Slack calls an hour: P × U / ${HOURS}`,
    'audit events a year: 365 × P × U',
    'on disk a year, MB: 365 × P × U',
    'fullest',
  ],
  ...rows,
])}

Full at Heroku: ${short((HEROKU_AN_HOUR * HOURS) / one.heroku)} a day (${HEROKU_AN_HOUR} × ${HOURS} / ${short(one.heroku)}); at Slack, in one channel: ${short((SLACK_AN_HOUR * HOURS) / one.slack)} a day (${SLACK_AN_HOUR} × ${HOURS} / ${short(one.slack)}).`;
}

function byApps(): string {
  const often = Math.round(3_600_000 / REFRESH_EVERY_MS.critical);
  const installed = Math.ceil(REQUESTS_PER_HOUR * SHARE.critical);
  const left = HEROKU_AN_HOUR - RESERVED_REQUESTS;
  const age = (apps: number, requests: number) => `${short(Math.max(60 / often, (60 * apps) / requests))} min`;
  const rows = [10, 100, 1_000].map((apps) => [
    apps.toLocaleString('en'),
    short(apps * often),
    `${short((100 * apps * often) / installed)} %`,
    age(apps, installed),
    `${short((100 * apps * often) / left)} %`,
    age(apps, left),
  ]);
  const full = (requests: number) => Math.floor(requests / often);
  return `### By apps

Each of A apps has an open critical. Its evidence is asked for about ${often} times an hour, one request an app, and one
more for its dynos if an individual alert says that it is live. Two limits hold:

- As installed, \`HEROKU_REQUESTS_PER_HOUR\` is ${REQUESTS_PER_HOUR}. Open criticals get ${SHARE.critical * 100} % of it, ${installed}, and other checks get ${SHARE.watching * 100} %.
- The account's own ${HEROKU_AN_HOUR}, less ${RESERVED_REQUESTS} for the promoter and for people: ${left}. It is the smaller one once \`HEROKU_REQUESTS_PER_HOUR\` is
  ${Math.ceil(left / SHARE.critical)} or more (${left} / ${SHARE.critical}).

${table([
  [
    `A`,
    `Heroku requests an hour: A × ${often}`,
    `of ${installed}, as installed`,
    `age of evidence: the larger of ${60 / often} min and 60 × A / ${installed}`,
    `of ${left}, raised`,
    `age of evidence: the larger of ${60 / often} min and 60 × A / ${left}`,
  ],
  ...rows,
])}

Full at ${full(installed)} apps as installed (${installed} / ${often}), at ${full(left)} with the setting raised (${left} / ${often}), and at half as many if
each has an individual alert and is live. From there evidence gets older. Other checks wait earlier, from ${SHARE.watching * 100} % of the setting.`;
}

function byReplicas({ connections, tick, waiting }: UnitCosts): string {
  const perMinute = tick.statements + waiting;
  const rows = [1, 2, 5, 10, 20, 50].map((replicas) => {
    const sessions = replicas * connections;
    const fits =
      sessions <= SMALLEST_PLAN
        ? 'the smallest plan'
        : sessions <= SERVER_DEFAULT
          ? `${SERVER_DEFAULT} sessions`
          : 'a pooler';
    return [
      String(replicas),
      String(sessions),
      short((replicas * perMinute) / 60),
      short((replicas * tick.wal * 1_440) / MB),
      fits,
    ];
  });
  return `### By replicas

R replicas with nothing to do, a tick a minute in each.

${table([
  [
    'R',
    `sessions: R × ${connections}`,
    `statements a second: R × (${short(tick.statements)} + ${short(waiting)}) / 60`,
    `WAL a day, MB: R × ${short(tick.wal)} × 1,440`,
    'fits',
  ],
  ...rows,
])}

Full at ${Math.floor(SMALLEST_PLAN / connections)} replicas with ${SMALLEST_PLAN} sessions, at ${Math.floor(SERVER_DEFAULT / connections)} with PostgreSQL's default of ${SERVER_DEFAULT}.`;
}

function table([title = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(title), line(title.map(() => '---')), ...rows.map(line)].join('\n');
}
