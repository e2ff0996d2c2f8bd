import pino from 'pino';
import { createRowFingerprint } from '../../src/decisions/fingerprint.js';
import { type ResolveOutcome, resolve } from '../../src/decisions/resolve.js';
import { createHerokuOver } from '../../src/heroku/heroku.js';
import { createLook } from '../../src/heroku/look.js';
import { allowedConfigVars } from '../../src/promotions/config-vars.js';
import type { Evidence } from '../../src/promotions/evidence.js';
import type { Promotion } from '../../src/promotions/promotion.js';
import { pick } from '../chaos/scenario.js';
import type { Authorisation, SubmittedForm } from './authorisation.js';
import type { HerokuModel } from './heroku-model.js';
import type { Process } from './process.js';
import { EPOCH_MS } from './process.js';
import type { PromotionRow } from './promotions-model.js';
import { codeOf, type ResolutionsModel, stepAt, SUPERADMINS, typedCode } from './resolutions-model.js';
import type { Sabotage } from './sabotage.js';
import type { Scheduler } from './scheduler.js';

/** People who resolve promotions in forms, with codes: the app's own decision, over the model of PostgreSQL. */
export interface Forms {
  /** Somebody opens a form or two, reads, types a code and submits: again if they are shown something new. */
  open(): void;
}

export interface FormsOptions {
  readonly scheduler: Scheduler;
  readonly random: () => number;
  readonly heroku: HerokuModel;
  readonly resolutions: ResolutionsModel;
  /** Those that a person may choose from. */
  readonly underWay: () => readonly PromotionRow[];
  /** Slack sends each request to one of them. */
  readonly running: () => readonly Process[];
  readonly authorisation: Pick<Authorisation, 'onSubmitted'>;
  readonly trace: (line: string) => void;
  readonly count: (what: string) => void;
  readonly sabotage?: Sabotage | undefined;
}

const READS_WITHIN_MS = 20_000;
/** They retry a form that looks new, or said nothing, so often. */
const MOST_TRIES = 3;
/** A look's deadline is real time, and a run takes only a moment of it. */
const REAL_TIME_NEVER_COMES_MS = 600_000;
const SILENT = pino({ level: 'silent' });
const fingerprint = createRowFingerprint(Buffer.alloc(32, 'forms'));

const COUNTED: Partial<Record<ResolveOutcome['kind'], string>> = {
  resolved: 'accepted codes',
  code_refused: 'refused codes',
  look_again: 'forms shown again',
};

type Form = Omit<SubmittedForm, 'step'>;

export function createForms(options: FormsOptions): Forms {
  const { scheduler, random, resolutions, authorisation, trace, count, sabotage } = options;

  async function readEvidence(process: Process, promotion: Promotion): Promise<Evidence> {
    const heroku = createHerokuOver(options.heroku.senderOf(process), { now: process.now });
    const look = createLook(heroku, process.now, SILENT);
    const { looks } = await look(promotion.herokuApp, [promotion], REAL_TIME_NEVER_COMES_MS);
    const found = looks.get(promotion.id);
    if (found === undefined) throw new Error('Heroku was not asked.');
    return found.evidence;
  }

  async function show(process: Process, operatorId: string, id: string): Promise<void> {
    const { promotion } = await resolutions.resolutionsOf(process).findNow(id);
    if (promotion === null) return;
    // A form opens before Heroku has answered.
    const evidence = random() < 0.1 ? null : await readEvidence(process, promotion);
    const action = pick(random, ['completed', 'failed'] as const);
    const form: Form = { operatorId, action, row: promotion, evidence, confirmed: random() < 0.7 };
    count('forms');
    scheduler.after(random() * READS_WITHIN_MS, () => {
      const step = stepAt(new Date(EPOCH_MS + scheduler.nowMs));
      submit({ ...form, step }, 1);
      // Pressed twice, or sent twice.
      if (random() < 0.1) submit({ ...form, step }, 1);
    });
  }

  function submit(form: SubmittedForm, tries: number): void {
    const running = options.running();
    if (tries > MOST_TRIES || running.length === 0) return;
    authorisation.onSubmitted(form);
    const again = (next: SubmittedForm): void => {
      scheduler.after(random() * READS_WITHIN_MS, () => submit(next, tries + 1));
    };
    decide(pick(random, running), form).then(
      (outcome) => {
        trace(`${form.operatorId} resolves ${form.row.id} as ${form.action}: ${outcome.kind}`);
        const counted = COUNTED[outcome.kind];
        if (counted !== undefined) count(counted);
        // What was typed is still there, and wasn't used.
        if (outcome.kind === 'look_again') again({ ...form, row: outcome.promotion, evidence: outcome.evidence });
      },
      // The database may have committed it: that is recognised.
      () => again(form),
    );
  }

  async function decide(process: Process, form: SubmittedForm): Promise<ResolveOutcome> {
    const { operatorId, action, row, evidence, confirmed, step } = form;
    const { outcome } = await resolve(
      {
        db: { promotions: resolutions.resolutionsOf(process) },
        async readEvidence(promotion) {
          if (sabotage === 'evidence of the form' && evidence !== null) return evidence;
          return readEvidence(process, promotion);
        },
        configVars: allowedConfigVars(['*']),
        takesSecondPerson: () => false,
        fingerprint,
        readCode: typedCode,
      },
      {
        promotionId: row.id,
        action,
        operatorId,
        note: 'By hand.',
        rcaUrl: null,
        confirmedContradiction: confirmed,
        setBack: false,
        evidence,
        fingerprint: fingerprint(row),
        code: codeOf(operatorId, step),
      },
      REAL_TIME_NEVER_COMES_MS,
    );
    return outcome;
  }

  return {
    open() {
      const running = options.running();
      const open = options.underWay();
      if (running.length === 0 || open.length === 0) return;
      const operatorId = pick(random, SUPERADMINS);
      for (let forms = random() < 0.5 ? 1 : 2; forms > 0; forms -= 1)
        // If nothing opens, they look elsewhere.
        show(pick(random, running), operatorId, pick(random, open).promotion.id).catch(() => undefined);
    },
  };
}
