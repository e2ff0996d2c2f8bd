import { type Environment, inspectSettings, type SettingInspection } from '../config.js';
import { codeOf } from '../db/embedded/errors.js';
import { EmbeddedPostgresError } from '../db/embedded-postgres.js';
import { isDatabaseUnavailable, NoDatabaseError } from '../db/errors.js';
import { type DatabaseInspection, inspectDatabase } from '../db/inspection.js';
import { type DatabaseChoice, reachServer } from '../db/open.js';
import { ServerError } from '../db/server/trouble.js';
import { inspectHeroku } from '../heroku/inspection.js';
import { createSecretBox, SecretBoxError } from '../operators/secret-box.js';
import { networkCode } from '../network/failures.js';
import { createNetwork, type Fetch, type Network } from '../network/network.js';
import { witnessId } from '../network/witness.js';
import { STYLE_PATH } from '../pages/html.js';
import { inspectSlack } from '../slack/inspection.js';
import {
  type Check,
  databaseChecks,
  type ExplainCode,
  fix,
  herokuChecks,
  note,
  ok,
  poolerChecks,
  slackChecks,
  urgentFirst,
} from './checks.js';
import { exemptionChecks, routeChecks, whyNotReached } from './network-checks.js';
import { pagingChecks } from './paging-checks.js';
import { UNSET } from './unset.js';
import { witnessCheck } from './witness-check.js';

/**
 * Checks everything the app needs, urgent findings first. Changes nothing and never rejects for what it finds; skips
 * what a faulty setting makes impossible. The witness gets the last seal that it accepted again. `page`: sends a test
 * through each pager and webhook.
 */
export async function runDoctor(
  environment: Environment,
  now: () => Date,
  { page = false }: { readonly page?: boolean } = {},
): Promise<readonly Check[]> {
  const { settings, usable } = inspectSettings(environment);
  const named = settings.map((setting) => settingCheck(setting, usable));
  const database = await databaseOf(usable, now);
  const network = createNetwork(usable.proxies);
  try {
    const outside = await askOutside(usable, network, database.facts, environment['NODE_EXTRA_CA_CERTS'], now, page);
    return urgentFirst([...named, ...proxyChecks(environment, usable, network), ...database.checks, ...outside]);
  } finally {
    network.close();
  }
}

/** Asks Slack, Heroku and the app itself, if their addresses are known. */
async function askOutside(
  usable: Usable,
  network: Network,
  facts: DatabaseInspection | null,
  extraCertificates: string | undefined,
  now: () => Date,
  sendsTests: boolean,
): Promise<readonly Check[]> {
  const tried = facts?.apps ?? [];
  const explainAt =
    (address: string): ExplainCode =>
    (code) =>
      whyNotReached(code, { name: address, url: new URL(address), route: network.routeTo(address) }, extraCertificates);
  const slackApiUrl = usable.slackApiUrl ?? 'https://slack.com/api/';
  const checks = await Promise.all([
    usable.botToken === undefined
      ? []
      : inspectSlack({
          apiUrl: slackApiUrl,
          botToken: usable.botToken,
          channels: channelsOf(usable),
          appToken: usable.appToken ?? null,
          network,
          now,
        }).then((inspection) => slackChecks(inspection, facts?.slackTeamId, explainAt(slackApiUrl), explainAt)),
    usable.herokuApiKey === undefined || usable.herokuApiUrl === undefined
      ? []
      : askHeroku(usable.herokuApiKey, usable.herokuApiUrl),
    pagingChecks(usable, { network, explainAt, now, sendsTests }),
    usable.heartbeatUrl === undefined ? [] : heartbeat(usable.heartbeatUrl),
    usable.auditWitnessUrl === undefined ? [] : witness(usable.auditWitnessUrl),
    usable.publicUrl === undefined ? [] : ownAddress(usable.publicUrl, network.fetch, explainAt(usable.publicUrl)),
  ]);
  return checks.flat();

  async function askHeroku(apiKey: string, apiUrl: string): Promise<readonly Check[]> {
    return herokuChecks(await inspectHeroku({ apiKey, apiUrl, network, tried, now }), explainAt(apiUrl));
  }

  async function witness(url: string): Promise<readonly Check[]> {
    return [await witnessCheck(url, facts?.witness ?? null, { network, explain: explainAt(url) })];
  }

  /** A request would count as a heartbeat. */
  async function heartbeat(address: string): Promise<readonly Check[]> {
    const code = await network.reach(address, REACH_WITHIN_MS);
    const subject = 'heartbeat';
    return [
      code === null
        ? ok(subject, 'the monitor can be reached; nothing was sent')
        : fix(subject, explainAt(address)(code) ?? `The monitor can’t be reached (${code}). Check HEARTBEAT_URL.`),
    ];
  }
}

const pages = ({ routingKey, alertRoutes }: Usable): boolean =>
  routingKey !== undefined || (alertRoutes ?? []).some(({ page }) => page != null);

const REACH_WITHIN_MS = 10_000;

/** How each service is reached, if a proxy is set. */
function proxyChecks(environment: Environment, usable: Usable, network: Network): readonly Check[] {
  const { https, http } = usable.proxies;
  if (https === null && http === null) {
    return ['ALL_PROXY', 'all_proxy'].some((name) => (environment[name] ?? '') !== '')
      ? [note('ALL_PROXY', 'It isn’t read. If the app needs a proxy, set HTTPS_PROXY.')]
      : [];
  }
  const services: readonly (readonly [string, string | undefined])[] = [
    ['Slack', usable.slackApiUrl],
    ['Heroku', usable.herokuApiKey === undefined ? undefined : usable.herokuApiUrl],
    ['the pager', pages(usable) ? usable.pagerUrl : undefined],
    ['the webhook', usable.webhookUrl],
    ['the heartbeat', usable.heartbeatUrl],
    ['the witness', usable.auditWitnessUrl],
    ['its own address', usable.publicUrl],
  ];
  const routes = routeChecks(
    services.flatMap(([name, address]) =>
      address === undefined ? [] : [{ name, url: new URL(address), route: network.routeTo(address) }],
    ),
  );
  return [...routes, ...exemptionChecks(usable.proxies.exemptions)];
}

function settingCheck({ name, fault, isSet }: SettingInspection, usable: Usable): Check {
  if (fault !== null) return fix(name, fault);
  if (name === 'PAGERDUTY_ROUTING_KEY' && !isSet && pages(usable)) return ok(name, 'not set: only some routes page');
  const unset = isSet ? null : UNSET[name];
  if (unset !== null) return unset.weakens === true ? note(name, unset.says) : ok(name, unset.says);
  return name === 'SLACK_CRITICAL_MENTION' && usable.criticalMention === null
    ? note(name, 'none: a critical pings nobody. Without this setting it pings <!here>.')
    : ok(name, 'set');
}

function channelsOf({ alertChannel, alertRoutes }: Usable): readonly string[] {
  const routed = (alertRoutes ?? []).map(({ channel }) => channel);
  return [...new Set([...(alertChannel === undefined ? [] : [alertChannel]), ...routed])];
}

type Usable = ReturnType<typeof inspectSettings>['usable'];

async function databaseOf(
  usable: Usable,
  now: () => Date,
): Promise<{ readonly facts: DatabaseInspection | null; readonly checks: readonly Check[] }> {
  // The fault is among the settings' findings.
  if (usable.database === undefined) return { facts: null, checks: [] };
  try {
    const server = await reachServer(usable.database, false);
    try {
      const { auditWitnessUrl: url } = usable;
      const facts = await inspectDatabase(server.url, usable.console, now, url === undefined ? null : witnessId(url));
      return {
        facts,
        checks: [
          ...databaseChecks(facts, opener(usable.totpKeys)),
          ...poolerChecks(server, hasDirectUrl(usable.database)),
        ],
      };
    } finally {
      await server.close();
    }
  } catch (error) {
    if (error instanceof ServerError) {
      const subject = error.setting === 'DATABASE_URL' ? 'database' : error.setting;
      return { facts: null, checks: [fix(subject, error.trouble.says)] };
    }
    if (error instanceof NoDatabaseError) {
      return { facts: null, checks: [note('database', error.message)] };
    }
    return { facts: null, checks: [fix('database', whyNoDatabase(error))] };
  }
}

const hasDirectUrl = (choice: DatabaseChoice): boolean => choice.kind === 'server' && choice.directUrl !== null;

/** Never the error's own words: they may hold the address, and the address a password. */
function whyNoDatabase(error: unknown): string {
  if (error instanceof EmbeddedPostgresError) return error.message;
  const code = codeOf(error) ?? '';
  if (code === '42501')
    return 'The account of DATABASE_URL may not read the app’s tables. Grant it SELECT, INSERT and UPDATE.';
  const detail = /^[A-Z0-9_]{3,40}$/u.test(code) ? ` (${code})` : '';
  const isAway = isDatabaseUnavailable(error) || /^E[A-Z_]+$/u.test(code);
  return isAway
    ? `PostgreSQL does not answer${detail}. Check DATABASE_URL, that PostgreSQL runs, and that it can be reached from here.`
    : `PostgreSQL could not be checked${detail}. Its log has the cause.`;
}

function opener(keys: readonly [Uint8Array, ...Uint8Array[]] | undefined): Parameters<typeof databaseChecks>[1] {
  if (keys === undefined) return null;
  const box = createSecretBox(...keys);
  return ({ slackUserId, sealedSecret }) => {
    try {
      box.open(sealedSecret, slackUserId);
      return true;
    } catch (error) {
      if (error instanceof SecretBoxError) return false;
      throw error;
    }
  };
}

/** Longer than the wait for a proxy, which then says what kept it. */
const OWN_WITHIN_MS = 10_000;

/**
 * Whether the app answers at its own address; only a note if not, because it may not be running. Asks for what a proxy
 * in front has to let through: it may hide `/healthz`.
 */
async function ownAddress(publicUrl: string, fetch: Fetch, explain: ExplainCode): Promise<readonly Check[]> {
  const subject = 'own address';
  try {
    const answer = await fetch(`${publicUrl}${STYLE_PATH}`, {
      signal: AbortSignal.timeout(OWN_WITHIN_MS),
      redirect: 'error',
    });
    await answer.body?.cancel();
    if (answer.ok && answer.headers.get('content-type')?.startsWith('text/css') === true) {
      return [ok(subject, 'the app answers under PUBLIC_URL')];
    }
    return [note(subject, `Something other than this app answers under PUBLIC_URL (status ${answer.status}).`)];
  } catch (error) {
    const why = explain(networkCode(error));
    return [note(subject, why ?? 'Nothing answers under PUBLIC_URL, seen from here. Is the app running?')];
  }
}
