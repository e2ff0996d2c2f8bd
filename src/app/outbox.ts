import { createEvidenceOfMany } from '../heroku/evidence-of-many.js';
import { bindKinds, type Sources } from '../outbox/kind.js';
import { KINDS } from '../outbox/kinds/index.js';
import { createOutbox, type Outbox } from '../outbox/outbox.js';
import type { Clients } from './clients.js';

/** Everything that goes out to Slack by itself. */
export function createAppOutbox({ db, slack, newOwner, runtime, metrics }: Clients, sources: Sources): Outbox {
  return createOutbox({
    messages: db.messages,
    slack,
    kinds: bindKinds(KINDS, sources),
    alertChannel: sources.alertChannel,
    random: runtime.random,
    newOwner,
    elapsed: runtime.elapsed,
    onOutcome: metrics.onDelivery,
  });
}

/** What the messages are read from. `silentSince`: see `Sources`. */
export function sourcesOf(clients: Clients, silentSince: () => Date | null): Sources {
  const { config, db, slack, runtime } = clients;
  const readEvidenceOfMany = createEvidenceOfMany(clients.heroku, runtime.now, runtime.log);
  return {
    db,
    slack,
    readEvidence: clients.readEvidence,
    readEvidenceOfMany: (promotions, deadlineMs) => readEvidenceOfMany(promotions, deadlineMs * runtime.patience),
    drawChart: clients.drawChart,
    silentSince,
    routeOf: clients.routeOf,
    alertChannel: config.slack.alertChannel,
    broadcastCriticals: config.broadcastCriticals,
    thresholds: config.thresholds,
  };
}
