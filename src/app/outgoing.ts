import { createDelivery, type Delivery } from '../jobs/delivery.js';
import { createDigestJob, type DigestJob } from '../jobs/digest.js';
import { createHomes, type Homes } from '../jobs/homes.js';
import type { Clients } from './clients.js';

/** Everything that goes out to Slack by itself is built here: messages, the digest, the home tabs. */
export interface Outgoing {
  readonly delivery: Delivery;
  /** null: no digest is configured. */
  readonly digest: DigestJob | null;
}

export function createOutgoing(clients: Clients): Outgoing {
  const { config, db, slack, newOwner } = clients;
  const { now, random } = clients.runtime;
  const { alertChannel } = config.slack;
  const delivery = createDelivery({
    db,
    slack,
    readEvidence: clients.readEvidence,
    now,
    random,
    newOwner,
    routeOf: clients.routeOf,
    alertChannel,
    broadcastCriticals: config.broadcastCriticals,
    onOutcome: clients.metrics.onDelivery,
  });
  if (config.digest === null) return { delivery, digest: null };
  const digest = createDigestJob({
    db,
    slack,
    schedule: config.digest,
    thresholds: config.thresholds,
    channel: alertChannel,
    // The library that draws is larger than the rest of the app, and most replicas never draw: load it on demand.
    drawChart: async (stats) => {
      const { chartAltText, promotionsChart } = await import('../charts/promotions-chart.js');
      return { content: promotionsChart(stats), altText: chartAltText(stats) };
    },
    now,
    random,
    newOwner,
  });
  return { delivery, digest };
}

/** The home tabs; they also say since when the watchdog of this process has been silent. */
export function createHomeTabs(clients: Clients, silentSince: () => Date | null): Homes {
  const { config, db, slack, runtime } = clients;
  return createHomes({
    db,
    slack,
    thresholds: config.thresholds,
    silentSince,
    now: runtime.now,
    random: runtime.random,
    newOwner: clients.newOwner,
    log: runtime.log,
  });
}
