import type { LockedPerson, TypedCode } from '../../src/db/codes.js';
import type { Promotions, ResolutionOutcome } from '../../src/db/promotions.js';
import type { AcceptedCode, CodeCheck } from '../../src/operators/code-check.js';
import { checkCode, locksSoFar } from '../../src/operators/totp.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { decideResolution, type ResolutionRequest, terminalStateOf } from '../../src/promotions/resolution.js';
import { base32, hotp } from '../operators/hotp.js';
import type { DatabaseModel } from './database-model.js';
import type { Process } from './process.js';
import type { PromotionsModel } from './promotions-model.js';
import type { Sabotage } from './sabotage.js';

/** A code was accepted, and what it authorised is committed. */
export interface Authorised {
  readonly request: ResolutionRequest;
  /** The code's time step. */
  readonly step: number;
  /** The row until then. */
  readonly promotion: Promotion;
}

/** PostgreSQL's side of resolving by hand. */
export interface ResolutionsModel {
  readonly people: ReadonlyMap<string, LockedPerson>;
  resolutionsOf(process: Process): Pick<Promotions, 'findNow' | 'resolve'>;
}

export const SUPERADMINS = ['U1', 'U2'];
const STEP_MS = 30_000;
const keyOf = (operatorId: string): Buffer => Buffer.from(operatorId.padEnd(20, '.'));

export const stepAt = (at: Date): number => Math.floor(at.getTime() / STEP_MS);

/** What a person's authenticator shows in a time step. */
export const codeOf = (operatorId: string, step: number): string => hotp(keyOf(operatorId), step);

/** A code as somebody typed it; secrets aren't sealed here. */
export function typedCode(code: string, now: Date): TypedCode {
  return {
    isRecoveryCode: false,
    check: (authenticator) => checkCode(code, { ...authenticator, secret: authenticator.sealedSecret }, now),
  };
}

export function createResolutionsModel(
  db: DatabaseModel,
  promotions: Pick<PromotionsModel, 'rows' | 'change'>,
  onAuthorised: (authorised: Authorised) => void,
  sabotage?: Sabotage,
): ResolutionsModel {
  const people = new Map(SUPERADMINS.map((id) => [id, personOf(id)]));

  function resolve(asked: ResolutionRequest, at: Date, code: TypedCode): ResolutionOutcome {
    const request = sabotage === 'form of another row' ? { ...asked, isAsShown: () => true } : asked;
    const promotion = promotions.rows.get(request.promotionId)?.promotion ?? null;
    const person = people.get(request.operatorId);
    if (person === undefined) return { kind: 'not_superadmin' };
    const { operator, authenticator } = person;
    const decision = decideResolution(request, { promotion, operator }, () => code.check(authenticator));
    if (decision.kind === 'code_refused') countWrong(person, decision.check, at);
    if (decision.kind !== 'resolve') return decision;
    const ended = endedBy(request, decision.promotion, at);
    const step = spend(person, decision.check);
    promotions.change(request.promotionId, { promotion: ended }, [ended.state]);
    onAuthorised({ request, step, promotion: decision.promotion });
    return { kind: 'resolved', promotion: ended, back: null };
  }

  function spend({ operator, authenticator }: LockedPerson, check: AcceptedCode): number {
    if ('recoveryCode' in check) throw new Error('Nobody has recovery codes here.');
    const lastStep = sabotage === 'code used twice' ? null : check.step;
    people.set(operator.slackUserId, {
      operator,
      authenticator: { ...authenticator, lastStep, failedAttempts: 0, lockedUntil: null },
    });
    return check.step;
  }

  function countWrong({ operator, authenticator }: LockedPerson, check: CodeCheck, at: Date): void {
    if (check.kind !== 'rejected' || check.reason !== 'wrong') return;
    const { failedAttempts, lockedUntil } = check;
    const locks = lockedUntil === null ? {} : { locks: locksSoFar(authenticator, at) + 1, lastLockEndsAt: lockedUntil };
    people.set(operator.slackUserId, {
      operator,
      authenticator: { ...authenticator, failedAttempts, lockedUntil, ...locks },
    });
  }

  return {
    people,
    resolutionsOf: (process) => ({
      findNow: (id) =>
        db.run(process, () => ({ promotion: promotions.rows.get(id)?.promotion ?? null, now: db.now() })),
      resolve: (request, at, code) => db.run(process, () => resolve(request, at, code), [request.promotionId]),
    }),
  };
}

function personOf(id: string): LockedPerson {
  return {
    operator: { slackUserId: id, role: 'superadmin', disabledAt: null },
    authenticator: {
      operatorId: id,
      sealedSecret: base32(keyOf(id)),
      lastStep: null,
      failedAttempts: 0,
      lockedUntil: null,
      locks: 0,
      lastLockEndsAt: null,
      recoveryCodes: [],
    },
  };
}

function endedBy({ action, operatorId, note, rcaUrl }: ResolutionRequest, promotion: Promotion, at: Date): Promotion {
  const state = terminalStateOf(action);
  return {
    ...promotion,
    state,
    ...(state === 'deployed' ? { deployedAt: at } : { failedAt: at, failureReason: note }),
    resolvedBy: operatorId,
    resolutionNote: note,
    rcaUrl: rcaUrl ?? promotion.rcaUrl,
  };
}
