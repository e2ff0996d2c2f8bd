import type { Config } from '../config.js';
import type { AddDynos } from '../heroku/dyno-evidence.js';
import { bindKinds, type Sources } from '../outbox/kind.js';
import { KINDS } from '../outbox/kinds/index.js';
import { createOutbox, type Outbox } from '../outbox/outbox.js';
import { createOutsideTransport } from '../outbox/outside.js';
import type { Clients } from './clients.js';

/** Sends everything that goes out by itself: to Slack, the pager and the webhook. */
export function createAppOutbox(clients: Clients, sources: Sources): Outbox {
  const { db, slack, pagerDuty, webhook, secretBox, newOwner, runtime, metrics } = clients;
  return createOutbox({
    messages: db.messages,
    slack,
    outside: createOutsideTransport({ pagerDuty, webhook, secretBox }),
    tellFailure: db.paging.tell,
    kinds: bindKinds(KINDS, sources),
    alertChannel: sources.alertChannel,
    random: runtime.random,
    newOwner,
    now: runtime.now,
    elapsed: runtime.elapsed,
    onOutcome: metrics.onDelivery,
  });
}

/** With less time left, nobody is asked. */
const LEAST_MS = 200;
/** For alerts that concern no app: the configured key, or else the first route's. */
function defaultPage({ pager, slack }: Config): string | null {
  return pager.routingKey ?? slack.alertRoutes.find(({ page }) => page != null)?.page ?? null;
}

/** Sources of the messages' contents. `silentSince`: see `Sources`. */
export function sourcesOf(clients: Clients, addDynos: AddDynos, silentSince: () => Date | null): Sources {
  const { config, db, slack, runtime } = clients;
  const readEvidence = clients.readEvidenceFor('critical');
  return {
    db,
    slack,
    async readEvidence(promotion, deadlineMs) {
      const startedAt = runtime.elapsed();
      const evidence = await readEvidence(promotion, deadlineMs);
      const leftMs = deadlineMs * runtime.patience - (runtime.elapsed() - startedAt);
      if (leftMs < LEAST_MS) return evidence;
      const { id, herokuApp } = promotion;
      return (await addDynos(herokuApp, new Map([[id, evidence]]), leftMs)).get(id) ?? evidence;
    },
    readEvidenceOfMany: clients.readEvidenceOfManyFor('critical'),
    drawChart: clients.drawChart,
    silentSince,
    routeOf: clients.routeOf,
    alertChannel: config.slack.alertChannel,
    defaultPage: defaultPage(config),
    sendsWebhooks: config.webhook !== null,
    broadcastCriticals: config.broadcastCriticals,
    thresholds: config.thresholds,
  };
}
