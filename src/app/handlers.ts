import type { HandlerDependencies } from '../handlers/dependencies.js';
import { createRowFingerprint } from '../decisions/fingerprint.js';
import { createMembers } from '../handlers/members.js';
import { createAppLookup } from '../heroku/app-lookup.js';
import { createReleasesReader } from '../heroku/releases-around.js';
import { createRcaDrafter } from '../jobs/rca-draft.js';
import { createCodeReader } from '../operators/code-reader.js';
import { hashToken, newSecret, newToken } from '../operators/enrolment-secrets.js';
import type { RecoveryHash } from '../operators/recovery-codes.js';
import type { SecretBox } from '../operators/secret-box.js';
import type { SpokenWords } from '../operators/spoken-word.js';
import { takesSecondPerson } from '../promotions/second-person.js';
import { nextAt } from '../zones.js';
import type { Core } from './core.js';
import { drillReach } from './drill-reach.js';
import type { Jobs } from './jobs.js';

/** Check codes and seal enrolments. */
export interface Secrets {
  readonly secretBox: SecretBox;
  readonly recoveryHash: RecoveryHash;
  readonly spokenWords: SpokenWords;
}

/** What fails stays due, and the next tick retries it. */
async function announce({ db, outbox, runtime }: Core): Promise<void> {
  try {
    for (const id of await db.messages.due(NOTICES_AT_ONCE, ['operator_notice'])) await outbox.deliver(id);
  } catch (error) {
    runtime.log.warn({ err: error }, 'superadmins hear of a change of operators at the next tick');
  }
}

const NOTICES_AT_ONCE = 100;

export function handlerDependencies(core: Core, jobs: Jobs, secrets: Secrets): HandlerDependencies {
  const { config, db, slack, heroku, runtime, metrics } = core;
  const { now, elapsed, patience, log } = runtime;
  const { thresholds } = config;
  const findApp = heroku === null ? null : createAppLookup(heroku, log);
  const { alertChannel } = config.slack;
  return {
    db,
    slack,
    members: createMembers({ people: slack, operators: db.operators, elapsed, patience, log }),
    readEvidence: core.readEvidence,
    readEvidenceOfMany: core.readEvidenceOfManyFor('person'),
    findApp: findApp && ((app, deadlineMs) => findApp(app, deadlineMs * patience)),
    drawChart: core.drawChart,
    configVars: core.configVars,
    takesSecondPerson: takesSecondPerson(config.secondPersonApps),
    fingerprint: createRowFingerprint(config.totpEncryptionKey),
    spokenWords: secrets.spokenWords,
    readCode: createCodeReader(secrets.secretBox, secrets.recoveryHash),
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
    onLocked: metrics.onLocked,
    announce: () => core.busy.during(() => announce(core)),
    onFailed: () => undefined,
    alertChannel,
    channelOf: (herokuApp) => core.routeOf(herokuApp).channel,
    drillReach: drillReach(core),
    nextAt,
    thresholds,
    rcaUrlHosts: config.rcaUrlHosts,
    now,
    elapsed,
    patience,
    log,
  };
}
