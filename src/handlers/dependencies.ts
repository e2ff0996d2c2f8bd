import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import type { NewLink } from '../db/enrolments.js';
import type { TypedCode } from '../db/codes.js';
import type { FindApp } from '../heroku/app-lookup.js';
import type { AllowedConfigVars } from '../promotions/config-vars.js';
import type { Evidence } from '../promotions/evidence.js';
import type { MessageKind } from '../promotions/messages.js';
import type { Promotion } from '../promotions/promotion.js';
import type { RcaDraftOutcome } from '../promotions/rca-draft.js';
import type { TakesSecondPerson } from '../promotions/second-person.js';
import type { DrawChart } from '../promotions/stats.js';
import type { Thresholds } from '../promotions/stuck.js';
import type { Slack } from '../slack/slack.js';
import type { FingerprintRow } from './fingerprint.js';

/** What handlers work with; app.ts puts it together. */
export interface HandlerDependencies {
  readonly db: Database;
  readonly slack: Slack;
  /** Never rejects; answers within `deadlineMs`, or that Heroku did not. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** null where promoting is off, for want of a key to Heroku. */
  readonly findApp: FindApp | null;
  readonly drawChart: DrawChart;
  /** The config vars that may be marked and promoted. */
  readonly configVars: AllowedConfigVars;
  readonly takesSecondPerson: TakesSecondPerson;
  /** Ties a code to what its form showed. */
  readonly fingerprint: FingerprintRow;
  readonly readCode: (typed: string, now: Date) => TypedCode;
  /** Has Slack show what the rows say about a promotion. Never rejects: what fails is due at the next tick. */
  readonly showInSlack: (promotionId: string) => Promise<void>;
  /** Delivers the newest message of a kind about a subject now. Never rejects: what fails is due at the next tick. */
  readonly deliver: (kind: MessageKind, subject: string) => Promise<void>;
  /** Drafts the RCA of a promotion and shares it in Slack. `askedBy`: a Slack user's id. Rejects where nothing was shared. */
  readonly draftRca: (promotionId: string, askedBy: string) => Promise<RcaDraftOutcome>;
  /** Publishes a person's home tab and keeps it up to date. */
  readonly openHome: (slackUserId: string) => Promise<void>;
  /** A link that somebody is to be enrolled with: the token that goes into it, and what is stored of it. */
  readonly newEnrolmentLink: (slackUserId: string) => { readonly token: string; readonly link: NewLink };
  /** The origin of links to the app's own pages; null where it is not known. */
  readonly publicUrl: string | null;
  readonly onDenied: (reason: 'external_user' | 'not_superadmin' | 'not_operator' | 'same_person') => void;
  readonly onCodeRefused: (reason: string) => void;
  /** Something failed for whoever waits, and was logged. */
  readonly onFailed: () => void;
  /** Where what no other channel is named for is told. */
  readonly alertChannel: string;
  /** Where the alerts and the progress of an app's promotions are told. */
  readonly channelOf: (herokuApp: string) => string;
  /** The next such hour that is `atLeastMs` away or more, as clocks in a time zone show it; null where the zone is not known. */
  readonly nextAt: (now: Date, timeZone: string, hour: number, atLeastMs: number) => Date | null;
  readonly thresholds: Thresholds;
  readonly rcaUrlHosts: readonly string[];
  readonly now: () => Date;
  /** Milliseconds on a clock that never jumps. */
  readonly elapsed: () => number;
  /** See `Runtime`. */
  readonly patience: number;
  readonly log: Logger;
}
