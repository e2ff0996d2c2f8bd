import type { HandlerDependencies } from '../handlers/dependencies.js';
import { createRowFingerprint } from '../handlers/fingerprint.js';
import { createAppLookup } from '../heroku/app-lookup.js';
import { createReleasesReader } from '../heroku/releases-around.js';
import { createRcaDrafter } from '../jobs/rca-draft.js';
import { createCodeReader } from '../operators/code-reader.js';
import { hashToken, newSecret, newToken } from '../operators/enrolment-secrets.js';
import type { HashRecoveryCode } from '../operators/recovery-codes.js';
import type { SecretBox } from '../operators/secret-box.js';
import { takesSecondPerson } from '../promotions/second-person.js';
import { nextAt } from '../zones.js';
import type { Core } from './core.js';
import type { Jobs } from './jobs.js';

/** What codes are checked with, and enrolments sealed. */
export interface Secrets {
  readonly secretBox: SecretBox;
  readonly hashRecoveryCode: HashRecoveryCode;
}

export function handlerDependencies(core: Core, jobs: Jobs, secrets: Secrets): HandlerDependencies {
  const { config, db, slack, heroku, runtime, metrics } = core;
  const { now, elapsed, patience, log } = runtime;
  const { thresholds } = config;
  const findApp = heroku === null ? null : createAppLookup(heroku, log);
  const { alertChannel } = config.slack;
  return {
    db,
    slack,
    readEvidence: core.readEvidence,
    findApp: findApp && ((app, deadlineMs) => findApp(app, deadlineMs * patience)),
    drawChart: core.drawChart,
    configVars: core.configVars,
    takesSecondPerson: takesSecondPerson(config.secondPersonApps),
    fingerprint: createRowFingerprint(config.totpEncryptionKey),
    readCode: createCodeReader(secrets.secretBox, secrets.hashRecoveryCode),
    newEnrolmentLink(slackUserId) {
      const token = newToken();
      return {
        token,
        link: { tokenHash: hashToken(token), sealedSecret: secrets.secretBox.seal(newSecret(), slackUserId) },
      };
    },
    publicUrl: config.publicUrl,
    showInSlack: jobs.showInSlack,
    deliver: jobs.deliver,
    draftRca: createRcaDrafter({
      db,
      slack,
      readReleases: createReleasesReader(heroku, now, log),
      alertChannel,
      thresholds,
      now,
      log,
    }),
    openHome: jobs.homes.open,
    onDenied: metrics.onDenied,
    onCodeRefused: metrics.onCodeRefused,
    onFailed: () => undefined,
    alertChannel,
    channelOf: (herokuApp) => core.routeOf(herokuApp).channel,
    nextAt,
    thresholds,
    rcaUrlHosts: config.rcaUrlHosts,
    now,
    elapsed,
    patience,
    log,
  };
}
