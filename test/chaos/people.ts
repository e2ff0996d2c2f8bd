import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { EphemeralMessage, OpenView, StoredMessage } from '../../demo/slack/workspace.js';
import { VIEW } from '../../src/views/ids.js';
import type { TestBed } from '../support/app.js';
import { interaction, newTrigger, signed } from './signed.js';

/** A promotion's open form, and who is to submit it. */
export interface Job {
  readonly promotionId: string;
  readonly operator: string;
  readonly form: OpenView;
}

/**
 * Opens `Mark completed` on each alert, by default for an operator each: a code is good for one resolution in half a
 * minute.
 */
export async function openForms(
  bed: TestBed,
  alerts: readonly (StoredMessage | EphemeralMessage)[],
  known?: string,
): Promise<Job[]> {
  const { superadmin } = bed.slack.people;
  const jobs: Job[] = [];
  for (const alert of alerts) {
    await superadmin.click(alert, 'mark_completed');
    const form = await superadmin.waitForModal(
      (view) => view.callbackId === VIEW.resolution && view.raw['submit'] !== null,
    );
    await superadmin.closeModal();
    const { promotionId } = z.object({ promotionId: z.string() }).parse(JSON.parse(form.privateMetadata));
    const operator = known ?? `U${randomBytes(5).toString('hex').toUpperCase()}`;
    if (known === undefined) await bed.enrol(operator);
    jobs.push({ promotionId, operator, form });
  }
  return jobs;
}

const CODE_MS = 30_000;

/** Submits a form as its operator, with the current code; resolves with what the person is told, in a word or two. */
export async function submitForm(
  bed: TestBed,
  job: Job,
  port: number,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return inWords(await post(bed, job, port, fields));
}

const shownAgain = z.object({ response_action: z.literal('update'), view: z.record(z.string(), z.unknown()) });

/** The same; submits again a form that is shown again, because the version that opened it showed less of the row. */
export async function submitAsShown(bed: TestBed, job: Job, port: number): Promise<string> {
  const answer = await post(bed, job, port, {});
  if (inWords(answer) !== 'nothing was saved') return inWords(answer);
  const { view } = shownAgain.parse(JSON.parse(answer.text));
  return submitForm(bed, { ...job, form: { ...job.form, raw: { ...job.form.raw, ...view } } }, port);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function post(
  bed: TestBed,
  { operator, form }: Job,
  port: number,
  fields: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  // The bed's clock stands still, the replicas' doesn't; moving it takes the database, which may be down.
  const steps = Math.round((Date.now() - bed.clock.now().getTime()) / CODE_MS);
  const code = { type: 'plain_text_input', value: bed.code(operator, steps) };
  const body = interaction({
    type: 'view_submission',
    user: { id: operator, team_id: bed.slack.teamId },
    team: { id: bed.slack.teamId },
    trigger_id: newTrigger(),
    view: { ...form.raw, state: { values: { code: { input: code }, ...fields } } },
  });
  const answer = await fetch(`http://127.0.0.1:${port}/slack/events`, signed(body, bed.slack.signingSecret));
  return { status: answer.status, text: await answer.text() };
}

function inWords({ status, text }: Answer): string {
  if (status !== 200) return `status ${status}`;
  if (text === '') return 'saved';
  if (text.includes('You already did this')) return 'already saved';
  if (text.includes('not known whether')) return 'not known whether it was saved';
  if (text.includes('Nothing was saved')) return 'nothing was saved';
  if (text.includes('Working on it')) return 'working on it';
  return text.slice(0, 200);
}

/** Submits until the answer is clear; whether it said that this operator resolved it. Counts the answers. */
export async function submitUntilClear(
  bed: TestBed,
  job: Job,
  port: () => number,
  answers: Map<string, number>,
  deadline: number,
): Promise<boolean> {
  while (performance.now() < deadline) {
    const answer = await submitForm(bed, job, port());
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
    if (answer === 'saved' || answer === 'already saved') return true;
    await sleep(300);
  }
  return false;
}
