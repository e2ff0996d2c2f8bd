import type { Logger } from 'pino';
import type { Database } from '../db/database.js';
import type { NewLink } from '../db/enrolments.js';
import type { TypedCode } from '../db/codes.js';
import type { FindApp } from '../heroku/app-lookup.js';
import type { ReadEvidenceOfMany } from '../heroku/evidence-of-many.js';
import type { SpokenWords } from '../operators/spoken-word.js';
import type { AllowedConfigVars } from '../promotions/config-vars.js';
import type { DrillReach } from '../promotions/drill.js';
import type { Evidence } from '../promotions/evidence.js';
import type { MessageKind } from '../promotions/messages.js';
import type { Promotion } from '../promotions/promotion.js';
import type { RcaDraftOutcome } from '../promotions/rca-draft.js';
import type { TakesSecondPerson } from '../promotions/second-person.js';
import type { DrawChart } from '../promotions/stats.js';
import type { Thresholds } from '../promotions/stuck.js';
import type { Slack } from '../slack/slack.js';
import type { FingerprintRow } from '../decisions/fingerprint.js';
import type { Members } from './members.js';

export interface HandlerDependencies {
  readonly db: Database;
  readonly slack: Slack;
  readonly members: Members;
  /** Never rejects; answers within `deadlineMs`, if need be that Heroku didn't. */
  readonly readEvidence: (promotion: Promotion, deadlineMs: number) => Promise<Evidence>;
  /** By promotion, from the values alone: one request per app. What wasn't reached in time is missing. */
  readonly readEvidenceOfMany: ReadEvidenceOfMany;
  /** null: promoting is off, because there is no Heroku key. */
  readonly findApp: FindApp | null;
  readonly drawChart: DrawChart;
  readonly configVars: AllowedConfigVars;
  readonly takesSecondPerson: TakesSecondPerson;
  /** Ties a code to what its form showed. */
  readonly fingerprint: FingerprintRow;
  readonly spokenWords: SpokenWords;
  readonly readCode: (typed: string, now: Date) => TypedCode;
  /** Updates Slack with a promotion's rows. Never rejects: what fails is due at the next tick. */
  readonly showInSlack: (promotionId: string) => Promise<void>;
  /** Delivers the newest message of a kind about a subject. Never rejects: what fails is due at the next tick. */
  readonly deliver: (kind: MessageKind, subject: string) => Promise<void>;
  /** Drafts a promotion's RCA and shares it in Slack. `askedBy`: a Slack user's id. Rejects if nothing was shared. */
  readonly draftRca: (promotionId: string, askedBy: string) => Promise<RcaDraftOutcome>;
  /** Publishes a person's home tab and keeps it up to date. */
  readonly openHome: (slackUserId: string) => Promise<void>;
  /** A new enrolment link: the token that goes into it, and what is stored of it. */
  readonly newEnrolmentLink: (slackUserId: string) => { readonly token: string; readonly link: NewLink };
  /** The origin of links to the app's own pages; null: unknown. */
  readonly publicUrl: string | null;
  readonly onDenied: (
    reason: 'external_user' | 'guest' | 'bot' | 'not_superadmin' | 'not_operator' | 'not_inviter' | 'same_person',
  ) => void;
  readonly onCodeRefused: (reason: string) => void;
  readonly onLocked: () => void;
  /** Delivers the queued notices about operators to superadmins and operators. Never rejects. */
  readonly announce: () => Promise<void>;
  /** Something failed for a person who waits, and was logged. */
  readonly onFailed: () => void;
  /** The channel for everything without a route. */
  readonly alertChannel: string;
  /** The channel for an app's alerts and progress. */
  readonly channelOf: (herokuApp: string) => string;
  readonly drillReach: DrillReach;
  /** The next time that clocks in the time zone show this hour, at least `atLeastMs` away; null: unknown zone. */
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
