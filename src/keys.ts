import { type AuditKeys, createAuditKeys } from './audit/keys.js';
import type { OperatorsConfig } from './config.js';
import type { DatabaseOptions } from './db/database.js';
import { createSecretBox } from './operators/secret-box.js';

/** Former keys still verify and open. */
type Keys = Pick<OperatorsConfig, 'totpEncryptionKey' | 'formerTotpKeys'>;

/** To write, seal and verify the audit log. */
export function auditKeysOf({ totpEncryptionKey, formerTotpKeys }: Keys): AuditKeys {
  return createAuditKeys([totpEncryptionKey, ...formerTotpKeys]);
}

/** Keys that a process working with promotions has and the database hasn't. */
export function keysOf(config: Keys): Pick<DatabaseOptions, 'auditKeys' | 'valueBox'> {
  return {
    auditKeys: auditKeysOf(config),
    valueBox: createSecretBox(config.totpEncryptionKey, ...config.formerTotpKeys),
  };
}
