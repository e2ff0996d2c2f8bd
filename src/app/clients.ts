import { randomBytes } from 'node:crypto';
import { createChartDrawer } from '../charts/draw.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import type { HandlerDependencies } from '../handlers/dependencies.js';
import { createEvidenceReader, type ReadEvidence } from '../heroku/evidence.js';
import { createEvidenceOfMany, type ReadEvidenceOfMany } from '../heroku/evidence-of-many.js';
import { createHerokuBudget, type HerokuBudget, type HerokuUse } from '../heroku/budget.js';
import { createHeroku, type SharedHeroku } from '../heroku/heroku.js';
import type { OddStates } from '../db/console/odd-states.js';
import { createMetrics, type Metrics } from '../metrics.js';
import { createSecretBox, type SecretBox } from '../operators/secret-box.js';
import { createNetwork, type Network } from '../network/network.js';
import { createPagerDuty, type PagerDuty } from '../paging/pagerduty.js';
import { createWebhook, type Webhook } from '../paging/webhook.js';
import { type Route, routeOf } from '../promotions/routing.js';
import type { DrawChart } from '../promotions/stats.js';
import type { Runtime } from '../runtime.js';
import { createSlack, type Slack } from '../slack/slack.js';
import { createOddStates } from './odd-states.js';
import { createWorkspace, type Workspace } from './workspace.js';

export interface Clients {
  readonly config: Config;
  readonly db: Database;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly network: Network;
  readonly secretBox: SecretBox;
  /** Rows in a state unknown to this app, at most minutes old; null if the database can't tell. */
  readonly oddStates: () => Promise<OddStates | null>;
  readonly slack: Slack;
  readonly pagerDuty: PagerDuty;
  /** null: none is configured. */
  readonly webhook: Webhook | null;
  readonly workspace: Workspace;
  /** null: no API key is configured. Its requests count as a person's; use `usedFor` for anything else. */
  readonly heroku: SharedHeroku | null;
  readonly herokuBudget: HerokuBudget | null;
  /** Names the holder of a lease, different at each call. */
  readonly newOwner: () => string;
  /** For a person who waits. */
  readonly readEvidence: HandlerDependencies['readEvidence'];
  readonly readEvidenceFor: (use: HerokuUse) => ReadEvidence;
  readonly readEvidenceOfManyFor: (use: HerokuUse) => ReadEvidenceOfMany;
  readonly drawChart: DrawChart;
  readonly routeOf: (herokuApp: string) => Route;
}

/** `dryRun`: see {@link createWorkspace}. */
export function createClients(config: Config, db: Database, runtime: Runtime, dryRun: boolean): Clients {
  const { alertChannel, criticalMention, alertRoutes } = config.slack;
  const routing = {
    rules: alertRoutes,
    otherwise: { channel: alertChannel, mention: criticalMention, page: config.pager.routingKey, quiet: null },
  };
  const network = createNetwork(config.proxies);
  const herokuBudget =
    config.heroku === null
      ? null
      : createHerokuBudget({
          requests: db.herokuRequests,
          perHour: config.heroku.requestsPerHour,
          elapsed: runtime.elapsed,
          patience: runtime.patience,
          log: runtime.log,
        });
  const heroku =
    config.heroku === null || herokuBudget === null
      ? null
      : createHeroku({ ...config.heroku, network, admit: herokuBudget.admit });
  const readEvidenceFor = (use: HerokuUse): ReadEvidence => {
    const read = createEvidenceReader(heroku?.usedFor(use) ?? null, runtime.now, runtime.log);
    return (promotion, deadlineMs) => read(promotion, deadlineMs * runtime.patience);
  };
  const readEvidenceOfManyFor = (use: HerokuUse): ReadEvidenceOfMany => {
    const read = createEvidenceOfMany(heroku?.usedFor(use) ?? null, runtime.now, runtime.log);
    return (promotions, deadlineMs) => read(promotions, deadlineMs * runtime.patience);
  };
  const oddStates = createOddStates(db.oddStates, runtime.elapsed);
  const workspace = createWorkspace(db.installation, { records: !dryRun });
  const newOwner = () => `${process.pid}-${randomBytes(6).toString('hex')}`;
  return {
    config,
    db,
    runtime,
    metrics: createMetrics(
      async () => (await oddStates())?.total ?? null,
      () => db.herokuRequests.ofLastHour().catch(() => null),
    ),
    oddStates,
    network,
    secretBox: createSecretBox(config.totpEncryptionKey, ...config.formerTotpKeys),
    slack: createSlack({
      ...config.slack,
      slots: db.channelSlots,
      pauses: runtime.slackPauses,
      newOwner,
      fetch: network.fetch,
      admit: workspace.admit,
    }),
    pagerDuty: createPagerDuty(config.pager.url, network.fetch),
    webhook: config.webhook === null ? null : createWebhook(config.webhook, network.fetch, runtime.now),
    workspace,
    heroku,
    herokuBudget,
    newOwner,
    readEvidence: readEvidenceFor('person'),
    readEvidenceFor,
    readEvidenceOfManyFor,
    drawChart: createChartDrawer(),
    routeOf: (herokuApp) => routeOf(routing, herokuApp),
  };
}
