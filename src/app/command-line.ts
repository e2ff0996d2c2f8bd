import type { CommandLine, DecidingCommandLine } from '../cli/dependencies.js';
import type { CommandConfig, DecisionConfig } from '../config.js';
import { createRowFingerprint } from '../decisions/fingerprint.js';
import type { Database } from '../db/database.js';
import { createHerokuBudget } from '../heroku/budget.js';
import { createEvidenceReader } from '../heroku/evidence.js';
import { createHeroku } from '../heroku/heroku.js';
import { createNetwork } from '../network/network.js';
import { createCodeReader } from '../operators/code-reader.js';
import { createRecoveryHash } from '../operators/recovery-codes.js';
import { createSecretBox } from '../operators/secret-box.js';
import { allowedConfigVars } from '../promotions/config-vars.js';
import { takesSecondPerson } from '../promotions/second-person.js';
import type { Runtime } from '../runtime.js';

export interface OpenCommandLine<T> {
  readonly deps: T;
  close(): Promise<void>;
}

export function createCommandLine(config: CommandConfig, db: Database, runtime: Runtime): OpenCommandLine<CommandLine> {
  const network = createNetwork(config.proxies);
  const { now, elapsed, patience, log } = runtime;
  const budget =
    config.heroku === null
      ? null
      : createHerokuBudget({
          requests: db.herokuRequests,
          perHour: config.heroku.requestsPerHour,
          elapsed,
          patience,
          log,
        });
  const heroku =
    config.heroku === null || budget === null ? null : createHeroku({ ...config.heroku, network, admit: budget.admit });
  return {
    deps: {
      db,
      readEvidence: createEvidenceReader(heroku, now, log),
      configVars: allowedConfigVars(config.configVarPatterns),
      takesSecondPerson: takesSecondPerson(config.secondPersonApps),
      thresholds: config.thresholds,
      rcaUrlHosts: config.rcaUrlHosts,
      now,
      elapsed,
    },
    async close() {
      heroku?.close();
      await budget?.close();
      network.close();
    },
  };
}

export function createDecidingCommandLine(
  config: DecisionConfig,
  db: Database,
  runtime: Runtime,
): OpenCommandLine<DecidingCommandLine> {
  const { deps, close } = createCommandLine(config, db, runtime);
  const key = config.totpEncryptionKey;
  const keys = [key, ...config.formerTotpKeys] as const;
  const readCode = createCodeReader(createSecretBox(...keys), createRecoveryHash(...keys));
  return { deps: { ...deps, readCode, fingerprint: createRowFingerprint(key) }, close };
}
