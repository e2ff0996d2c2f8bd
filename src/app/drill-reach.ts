import { type DrillReach, PRETEND_APP } from '../promotions/drill.js';
import type { Clients } from './clients.js';

/** Whom a drill can reach outside Slack, by the settings. */
export function drillReach({ config, routeOf }: Pick<Clients, 'config' | 'routeOf'>): DrillReach {
  return { pager: routeOf(PRETEND_APP).page !== null, webhook: config.webhook !== null };
}
