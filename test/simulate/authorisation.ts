import { contradicts, type Evidence, verdictOf } from '../../src/promotions/evidence.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import type { Authorised } from './resolutions-model.js';
import type { Scheduler } from './scheduler.js';

/** A form as a person submitted it: what it showed, and the code that they typed. */
export interface SubmittedForm {
  readonly operatorId: string;
  readonly action: 'completed' | 'failed';
  readonly row: Promotion;
  /** null: Heroku was still being asked. */
  readonly evidence: Evidence | null;
  /** They ticked *Override Heroku*. */
  readonly confirmed: boolean;
  /** The time step of the code. */
  readonly step: number;
}

/** A code authorises exactly what its form showed: this row, this action, this evidence. */
export interface Authorisation {
  onSubmitted(form: SubmittedForm): void;
  onAuthorised(authorised: Authorised): void;
  /** Somebody promoted it with a code: its app, config var and value are authorised. */
  onPromoted(promotion: Promotion): void;
  /** A PATCH for it left a process. */
  onWritten(id: string, written: Target): void;
  /** What Heroku holds for an app changed. */
  onInForce(app: string, vars: ReadonlyMap<string, string>): void;
}

interface Target {
  readonly app: string;
  readonly name: string;
  readonly value: string | null;
}

interface Held {
  readonly sinceMs: number;
  readonly vars: ReadonlyMap<string, string>;
}
/** Before its first release, an app holds nothing. */
const NOTHING_HELD: readonly Held[] = [{ sinceMs: 0, vars: new Map() }];

/** What a form shows of a row. */
const SHOWN = [
  'flagKey',
  'herokuApp',
  'configVar',
  'targetValue',
  'previousValue',
  'checkpoint',
  'markedBy',
  'promotedBy',
] as const satisfies readonly (keyof Promotion)[];

export function createAuthorisation(scheduler: Scheduler, violate: (what: string) => void): Authorisation {
  const submitted: (SubmittedForm & { readonly atMs: number })[] = [];
  const used = new Set<string>();
  const authorised = new Map<string, Target>();
  /** By app: what it held since when. */
  const held = new Map<string, readonly Held[]>();

  /** Whether Heroku held the target, and whether it held another value, at some time since. */
  function heldSince(sinceMs: number, { herokuApp, configVar, targetValue }: Promotion) {
    const all = held.get(herokuApp) ?? NOTHING_HELD;
    const recent = all.filter((_, nth) => (all[nth + 1]?.sinceMs ?? Number.POSITIVE_INFINITY) >= sinceMs);
    const isTarget = recent.map(({ vars }) => (vars.get(configVar) ?? null) === targetValue);
    return { target: isTarget.includes(true), other: isTarget.includes(false) };
  }

  /** Whether Heroku said so again between the submission and the commit. */
  function isStillTrue(evidence: Evidence, sinceMs: number, row: Promotion): boolean {
    const { target, other } = heldSince(sinceMs, row);
    switch (verdictOf(evidence)) {
      case 'live':
        return target;
      case 'not_live':
      case 'release_failed':
      case 'changed_since':
        return other;
      // It says nothing about the value in force.
      case 'release_running':
        return true;
      // It answers now.
      case 'unknown':
        return false;
    }
  }

  function whyNot({ request, promotion }: Authorised, form: SubmittedForm & { readonly atMs: number }): string | null {
    const { action, evidence, confirmed, row } = form;
    const column = SHOWN.find((shown) => row[shown] !== promotion[shown]);
    if (column !== undefined) return `another ${column}`;
    // Without an answer, the person decided on what was shown.
    const isAsked = request.reread.kind === 'read';
    if (evidence === null) return 'nothing of Heroku yet';
    if (isAsked && !isStillTrue(evidence, form.atMs, row)) return 'what Heroku no longer said';
    if (contradicts(evidence, action) && !confirmed) return 'a contradiction, unconfirmed';
    return null;
  }

  return {
    onSubmitted(form) {
      submitted.push({ ...form, atMs: scheduler.nowMs });
    },
    onAuthorised(done) {
      const { request, step, promotion } = done;
      const { operatorId, action } = request;
      const code = `${operatorId}, step ${step}`;
      if (used.has(code)) violate(`a code (${code}) was accepted twice`);
      used.add(code);
      const forms = submitted.filter(
        (form) =>
          form.operatorId === operatorId &&
          form.step === step &&
          form.row.id === promotion.id &&
          form.action === action,
      );
      const reasons = forms.map((form) => whyNot(done, form));
      if (!reasons.includes(null))
        violate(
          `a code (${code}) ended ${promotion.id} as ${action}; its form showed ${reasons.at(-1) ?? 'something else'}`,
        );
    },
    onPromoted({ id, herokuApp, configVar, targetValue }) {
      authorised.set(id, { app: herokuApp, name: configVar, value: targetValue });
    },
    onWritten(id, { app, name, value }) {
      const asked = authorised.get(id);
      if (asked?.app !== app || asked.name !== name || asked.value !== value)
        violate(`${name}=${value} was sent to ${app}, which the code of ${id} didn't authorise`);
    },
    onInForce(app, vars) {
      held.set(app, [...(held.get(app) ?? NOTHING_HELD), { sinceMs: scheduler.nowMs, vars }]);
    },
  };
}
