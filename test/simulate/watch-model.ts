import type { Drifts } from '../../src/db/drifts.js';
import type { Verifications } from '../../src/db/verifications.js';
import { type Drift, type DriftLook, nextDriftStep, type ComparedPromotion } from '../../src/promotions/drift.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { VerifiedAs } from '../../src/promotions/running.js';
import type { DatabaseModel, Waits } from './database-model.js';
import type { MessagesModel } from './messages-model.js';
import type { Process } from './process.js';
import { atMost, isFarAhead } from './set-back-model.js';

/** Takes away something that watching relies on. */
export type WatchSabotage =
  /** What a later promotion has replaced is still reported. */
  | 'what is over is told'
  /** A recorded drift counts as a new one. */
  | 'drifts are forgotten'
  /** Nobody looks whether the database's clock was set back. */
  | 'a clock that was set back goes unnoticed';

interface WatchEvent {
  readonly promotionId: string;
  readonly action: string;
  readonly atMs: number;
}

interface VerificationRow {
  readonly since: number;
  readonly state: 'owed' | VerifiedAs;
  readonly owner: string | null;
  readonly dueMs: number | null;
  readonly answeredMs: number | null;
}

interface DriftRow extends Drift {
  readonly recordedAt: string;
  readonly isTold: boolean;
  readonly isFirst: boolean;
}

interface LookRow {
  readonly dueMs: number;
  readonly owner: string | null;
  readonly seenRelease: number | null;
}

/** PostgreSQL's side of watching deployed promotions. */
export interface WatchModel extends Waits {
  readonly promotions: ReadonlyMap<string, Promotion>;
  readonly verifications: ReadonlyMap<string, VerificationRow>;
  readonly drifts: ReadonlyMap<string, DriftRow>;
  readonly events: readonly WatchEvent[];
  write(promotion: Promotion): void;
  /** It was deployed by the release with this version. */
  deployed(id: string, version: number): void;
  accept(id: string): void;
  /** Whether nothing was deployed, or is under way, after it. */
  standsAlone(id: string): boolean;
  verificationsOf(process: Process): Verifications;
  driftsOf(process: Process): Drifts;
}

const LOOK_WITHIN_MS = 60_000;

export function createWatchModel(
  db: DatabaseModel,
  messages: MessagesModel,
  trace: (line: string) => void,
  sabotage?: WatchSabotage,
): WatchModel {
  const promotions = new Map<string, Promotion>();
  const versions = new Map<string, number>();
  const verifications = new Map<string, VerificationRow>();
  const drifts = new Map<string, DriftRow>();
  const looks = new Map<string, LookRow>();
  const events: WatchEvent[] = [];
  const record = (promotionId: string, action: string): void => {
    events.push({ promotionId, action, atMs: db.nowMs() });
    trace(`row ${promotionId}: ${action}`);
  };
  const queue = (kind: string, id: string) =>
    messages.queue({ kind, subject: id, promotionId: id, rootId: null, isUrgent: false });

  function ofSameVariable({ herokuApp, configVar }: Promotion): readonly Promotion[] {
    return [...promotions.values()].filter((one) => one.herokuApp === herokuApp && one.configVar === configVar);
  }

  function standsAlone(id: string): boolean {
    const promotion = promotions.get(id);
    if (promotion?.state !== 'deployed') return false;
    return !ofSameVariable(promotion).some(
      (one) => one.state === 'deploying' || (one.state === 'deployed' && Number(one.id) > Number(id)),
    );
  }

  /** The row, if the owner still holds it. */
  function held(id: string, owner: string): VerificationRow | null {
    const row = verifications.get(id);
    if (row === undefined) return null;
    return row.state === 'owed' && row.owner === owner ? row : null;
  }

  function end(id: string, owner: string, as: VerifiedAs): boolean {
    const row = held(id, owner);
    if (row === null) return false;
    const counts = sabotage === 'what is over is told' || standsAlone(id);
    const state = counts ? as : 'superseded';
    verifications.set(id, { ...row, state, owner: null, dueMs: null });
    trace(`row ${id}: its verification ends, ${state}`);
    if (state === 'crashed' || state === 'late') queue('crashed', id);
    if (state === 'running' || state === 'crashed' || state === 'late') {
      record(id, state === 'running' ? 'running' : 'crashed');
    }
    return true;
  }

  function endDrift(id: string): void {
    const before = drifts.get(id);
    if (before === undefined) return;
    drifts.set(id, { ...before, state: 'over', isTold: true });
    trace(`row ${id}: its drift is over`);
  }

  function recordLook(promotion: Promotion, look: DriftLook, isFirst: boolean): boolean {
    const { id } = promotion;
    if (sabotage !== 'what is over is told' && !standsAlone(id)) return false;
    const stored = sabotage === 'drifts are forgotten' ? null : (drifts.get(id) ?? null);
    const step = nextDriftStep(look, stored);
    if (step.kind === 'nothing') return true;
    if (look.kind === 'holds' || step.kind === 'end') {
      endDrift(id);
      return true;
    }
    drifts.set(id, driftAfter(drifts.get(id), id, look, step.tell, isFirst));
    record(id, 'drifted');
    return true;
  }

  function tell(id: string): void {
    const row = drifts.get(id);
    if (row === undefined || row.isTold) return;
    drifts.set(id, { ...row, isTold: true, toldSeq: row.seq });
    trace(`row ${id}: its drift number ${row.seq} is told if it is open, and it is ${row.state}`);
    if (row.state !== 'open' && sabotage !== 'what is over is told') return;
    messages.queue({
      kind: 'drifted',
      subject: `${id}#${row.seq}`,
      promotionId: id,
      rootId: null,
      isUrgent: false,
    });
  }

  function watched(herokuApp: string): { compared: readonly ComparedPromotion[]; isUnderWay: boolean } {
    const compared = [...promotions.values()]
      .filter((one) => one.herokuApp === herokuApp && standsAlone(one.id))
      .map((promotion) => {
        const row = drifts.get(promotion.id);
        const recordedAt = row === undefined || row.state === 'over' ? null : row.recordedAt;
        return { promotion, recordedAt, alsoOurs: null };
      });
    const isUnderWay = [...promotions.values()].some((one) => one.herokuApp === herokuApp && one.state === 'deploying');
    return { compared, isUnderWay };
  }

  return {
    promotions,
    verifications,
    drifts,
    events,
    standsAlone,
    areFar: () => [...verifications.values()].some(({ dueMs }) => isFarAhead(dueMs, db.nowMs())),
    shorten() {
      const now = db.nowMs();
      for (const [app, row] of looks) looks.set(app, { ...row, dueMs: Math.min(row.dueMs, now) });
      for (const [id, row] of verifications) {
        const { since, dueMs, answeredMs } = row;
        const times = { since: Math.min(since, now), dueMs: atMost(dueMs, now), answeredMs: atMost(answeredMs, now) };
        if (dueMs !== null) verifications.set(id, { ...row, ...times });
      }
    },
    write(promotion) {
      const { id, herokuApp, configVar, targetValue } = promotion;
      promotions.set(id, promotion);
      trace(`row ${id}: ${herokuApp} is to have ${configVar}=${targetValue}`);
    },
    deployed(id, version) {
      const promotion = promotions.get(id);
      if (promotion === undefined) throw new Error(`There is no promotion ${id}.`);
      promotions.set(id, { ...promotion, state: 'deployed', deployedAt: db.now() });
      versions.set(id, version);
      trace(`row ${id}: deployed by v${version}`);
      const now = db.nowMs();
      verifications.set(id, { since: now, state: 'owed', owner: null, dueMs: now, answeredMs: null });
    },
    accept(id) {
      const row = drifts.get(id);
      if (row?.state === 'open') drifts.set(id, { ...row, state: 'accepted', acceptedBy: 'U1', isTold: true });
      record(id, 'drift_accepted');
    },

    verificationsOf: (process) => ({
      due: (limit) =>
        db.run(process, () => {
          const due = [...verifications].filter(([, row]) => row.dueMs !== null && row.dueMs <= db.nowMs());
          const apps = new Map<string, string[]>();
          for (const [id] of due) {
            const app = promotions.get(id)?.herokuApp ?? '';
            apps.set(app, [...(apps.get(app) ?? []), id]);
          }
          return [...apps].slice(0, limit).map(([herokuApp, promotionIds]) => ({ herokuApp, promotionIds }));
        }),
      claim: (ids, owner) =>
        db.run(process, () =>
          ids.flatMap((promotionId) => {
            const row = verifications.get(promotionId);
            if (row === undefined || row.dueMs === null || row.dueMs > db.nowMs()) return [];
            verifications.set(promotionId, { ...row, owner, dueMs: db.nowMs() + LOOK_WITHIN_MS });
            const answeredMs = row.answeredMs === null ? 0 : db.nowMs() - row.answeredMs;
            return [
              { promotionId, sinceMs: db.nowMs() - row.since, answeredMs, version: versions.get(promotionId) ?? null },
            ];
          }),
        ),
      postpone: (id, owner, waitMs, report) =>
        db.run(process, () => {
          const row = held(id, owner);
          if (row === null) return false;
          const answeredMs = row.answeredMs ?? (report === null ? null : db.nowMs());
          verifications.set(id, { ...row, owner: null, dueMs: db.nowMs() + waitMs, answeredMs });
          return true;
        }),
      end: (id, owner, as) => db.run(process, () => end(id, owner, as), [id]),
      of: unsimulated,
    }),

    driftsOf: (process) => ({
      mustFindApps: async () => true,
      findApps: () =>
        db.run(process, () => {
          for (const { herokuApp, state } of promotions.values()) {
            if (state === 'deployed' && !looks.has(herokuApp)) {
              looks.set(herokuApp, { dueMs: db.nowMs(), owner: null, seenRelease: null });
            }
          }
        }),
      due: (limit) =>
        db.run(process, () =>
          [...looks]
            .filter(([, { dueMs }]) => dueMs <= db.nowMs())
            .slice(0, limit)
            .map(([herokuApp, { seenRelease }]) => ({ herokuApp, seenRelease })),
        ),
      claim: (herokuApp, owner) =>
        db.run(process, () => {
          const row = looks.get(herokuApp);
          if (row === undefined || row.dueMs > db.nowMs()) return null;
          looks.set(herokuApp, { ...row, owner, dueMs: db.nowMs() + LOOK_WITHIN_MS });
          return { herokuApp, seenRelease: row.seenRelease };
        }),
      watched: (herokuApp) => db.run(process, () => watched(herokuApp)),
      record: (promotion, look, isFirst) => db.run(process, () => recordLook(promotion, look, isFirst), [promotion.id]),
      done: (herokuApp, owner, waitMs, seenRelease) =>
        db.run(process, () => {
          const row = looks.get(herokuApp);
          if (row?.owner !== owner) return;
          looks.set(herokuApp, {
            owner: null,
            dueMs: db.nowMs() + waitMs,
            seenRelease: seenRelease ?? row.seenRelease,
          });
        }),
      untold: (limit) =>
        db.run(process, () =>
          [...drifts.values()]
            .filter(({ isTold }) => !isTold)
            .slice(0, limit)
            .map(({ promotionId, isFirst }) => ({
              promotionId,
              isFirst,
              herokuApp: promotions.get(promotionId)?.herokuApp ?? '',
            })),
        ),
      tell: (id) => db.run(process, () => tell(id), [id]),
      tellTogether: (_channel, ids) =>
        db.run(process, () => {
          for (const id of ids) tell(id);
        }),
      hasGroup: () => db.run(process, () => false),
      of: unsimulated,
      ofGroup: unsimulated,
      accept: unsimulated,
    }),
  };
}

function driftAfter(
  before: DriftRow | undefined,
  promotionId: string,
  look: Extract<DriftLook, { kind: 'other' }>,
  tells: boolean,
  isFirst: boolean,
): DriftRow {
  return {
    promotionId,
    state: 'open',
    seq: (before?.seq ?? 0) + 1,
    toldSeq: before?.toldSeq ?? null,
    value: look.value,
    change: look.change,
    acceptedBy: null,
    recordedAt: look.releaseId,
    isTold: !tells && before?.isTold === true,
    isFirst: before === undefined && isFirst,
  };
}

function unsimulated(): never {
  throw new Error('The simulator does not watch so.');
}
