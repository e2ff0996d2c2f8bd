import { createEvidenceOfMany } from '../heroku/evidence-of-many.js';
import { KINDS } from '../outbox/kinds/index.js';
import { createOutbox, type Outbox } from '../outbox/outbox.js';
import type { Clients } from './clients.js';

/** Everything that goes out to Slack by itself. `silentSince`: see `Sources`. */
export function createAppOutbox(clients: Clients, silentSince: () => Date | null): Outbox {
  const { config, db, slack, newOwner, runtime } = clients;
  return createOutbox({
    messages: db.messages,
    slack,
    kinds: KINDS,
    sources: {
      db,
      slack,
      readEvidence: clients.readEvidence,
      readEvidenceOfMany: createEvidenceOfMany(clients.heroku, runtime.now, runtime.log),
      // The library that draws is larger than the rest of the app, and most replicas never draw: load it on demand.
      drawChart: async (stats) => {
        const { chartAltText, promotionsChart } = await import('../charts/promotions-chart.js');
        return { content: promotionsChart(stats), altText: chartAltText(stats) };
      },
      silentSince,
      routeOf: clients.routeOf,
      alertChannel: config.slack.alertChannel,
      broadcastCriticals: config.broadcastCriticals,
      thresholds: config.thresholds,
    },
    random: runtime.random,
    newOwner,
    onOutcome: clients.metrics.onDelivery,
  });
}
