import { randomBytes } from 'node:crypto';
import { createChartDrawer } from '../charts/draw.js';
import type { Config } from '../config.js';
import type { Database } from '../db/database.js';
import type { HandlerDependencies } from '../handlers/dependencies.js';
import { createEvidenceReader } from '../heroku/evidence.js';
import { createHeroku, type Heroku } from '../heroku/heroku.js';
import type { OddStates } from '../db/console/odd-states.js';
import { createMetrics, type Metrics } from '../metrics.js';
import { createNetwork, type Network } from '../network/network.js';
import { type Route, routeOf } from '../promotions/routing.js';
import type { DrawChart } from '../promotions/stats.js';
import type { Runtime } from '../runtime.js';
import { createSlack, type Slack } from '../slack/slack.js';
import { createOddStates } from './odd-states.js';
import { createWorkspace, type Workspace } from './workspace.js';

/** What the other parts are built of. */
export interface Clients {
  readonly config: Config;
  readonly db: Database;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly network: Network;
  /** Rows whose state this app doesn't know, as of the last minutes; null where that can't be told now. */
  readonly oddStates: () => Promise<OddStates | null>;
  readonly slack: Slack;
  readonly workspace: Workspace;
  /** null: no API key is configured. */
  readonly heroku: Heroku | null;
  /** Names the holder of a lease, another at each call. */
  readonly newOwner: () => string;
  readonly readEvidence: HandlerDependencies['readEvidence'];
  readonly drawChart: DrawChart;
  readonly routeOf: (herokuApp: string) => Route;
}

/** `dryRun`: see {@link createWorkspace}. */
export function createClients(config: Config, db: Database, runtime: Runtime, dryRun: boolean): Clients {
  const { alertChannel, criticalMention, alertRoutes } = config.slack;
  const routing = {
    rules: alertRoutes,
    otherwise: { channel: alertChannel, mention: criticalMention, quiet: null },
  };
  const network = createNetwork(config.proxies);
  const heroku = config.heroku === null ? null : createHeroku({ ...config.heroku, network });
  const readEvidence = createEvidenceReader(heroku, runtime.now, runtime.log);
  const oddStates = createOddStates(db.oddStates, runtime.elapsed);
  const workspace = createWorkspace(db.installation, { records: !dryRun });
  const newOwner = () => `${process.pid}-${randomBytes(6).toString('hex')}`;
  return {
    config,
    db,
    runtime,
    metrics: createMetrics(async () => (await oddStates())?.total ?? null),
    oddStates,
    network,
    slack: createSlack({
      ...config.slack,
      slots: db.channelSlots,
      newOwner,
      fetch: network.fetch,
      admit: workspace.admit,
    }),
    workspace,
    heroku,
    newOwner,
    readEvidence: (promotion, deadlineMs) => readEvidence(promotion, deadlineMs * runtime.patience),
    drawChart: createChartDrawer(),
    routeOf: (herokuApp) => routeOf(routing, herokuApp),
  };
}
