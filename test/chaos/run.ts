import { startTestServer } from '../support/database.js';
import { chaosSeed } from '../../scripts/numbers.js';
import { auditTampering } from './audit-tampering.js';
import { blockedLoop } from './blocked-loop.js';
import { databaseTrouble } from './database-trouble.js';
import { deliveryKills } from './delivery-kills.js';
import { hostileNetwork } from './hostile-network.js';
import { hostileText } from './hostile-text.js';
import { jumpingClock } from './jumping-clock.js';
import { manyAtOnce } from './many-at-once.js';
import { mutatedPayloads } from './mutated-payloads.js';
import { promoterKills } from './promoter-kills.js';
import { replayedRequests } from './replayed-requests.js';
import { replicasTicking } from './replicas-ticking.js';
import { resolutionKills } from './resolution-kills.js';
import { type Scenario, seeded, tooFew } from './scenario.js';
import { schemaChanges } from './schema-changes.js';
import { slackOutage } from './slack-outage.js';
import { submissionsAtOnce } from './submissions-at-once.js';
import { totpGuessing } from './totp-guessing.js';

/**
 * `npm run chaos [-- --short | <name> …]`: troubles of every kind, each against the real app, and figures of the
 * results. `--short`: about a minute of those that find most. Exit code 1 if anything was lost, doubled or wrong, or if
 * too little of the trouble happened. CHAOS_SEED replays a run, as far as the machine's timing allows.
 */
const SCENARIOS: readonly Scenario[] = [
  promoterKills,
  deliveryKills,
  resolutionKills,
  slackOutage,
  replicasTicking,
  manyAtOnce,
  jumpingClock,
  blockedLoop,
  submissionsAtOnce,
  replayedRequests,
  mutatedPayloads,
  hostileText,
  hostileNetwork,
  databaseTrouble,
  schemaChanges,
  totpGuessing,
  auditTampering,
];

const out = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const args = process.argv.slice(2);
const extent = args.includes('--short') ? 'short' : 'whole';
const asked = args.filter((arg) => arg !== '--short');
const unknown = asked.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name));
if (unknown.length > 0) {
  out(`No such scenario: ${unknown.join(', ')}. There are: ${SCENARIOS.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const seed = chaosSeed();
const server = await startTestServer();
out(`seed ${seed}`);
try {
  for (const scenario of SCENARIOS) {
    const isWanted = asked.length > 0 ? asked.includes(scenario.name) : extent === 'whole' || scenario.inShort === true;
    if (!isWanted) continue;
    const startedAt = performance.now();
    const { did, wrong, happened } = await scenario.run(seeded(seed), extent);
    out(`\n${scenario.name}: ${did}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    for (const [what, count] of Object.entries(wrong)) out(`  ${String(count).padStart(4)}  ${what}`);
    const lacking = tooFew(happened);
    for (const what of lacking) out(`  ${what}`);
    if (lacking.length > 0 || Object.values(wrong).some((count) => count !== 0)) process.exitCode = 1;
  }
} finally {
  await server.stop();
}
