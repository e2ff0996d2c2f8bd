import * as z from 'zod';
import { RELEASE_STATUSES, type ReleaseStatus } from '../promotions/evidence.js';

/** A release: one state of an app's code, config vars and add-ons. Times are Heroku's, in whole seconds. */
export interface Release {
  readonly id: string;
  readonly version: number;
  readonly status: ReleaseStatus;
  /** True for the one release that the app's dynos run. */
  readonly current: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** E-mail address of the account that made it. */
  readonly user: string;
  /** Heroku's words for people; never to be parsed. */
  readonly description: string;
}

/** An app's identity. */
export interface App {
  readonly id: string;
  readonly name: string;
}

/** Either the value that was asked for, or where the body was wrong, without anything out of the body. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string };

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const releaseBody = z
  .object({
    id: z.string().min(1),
    version: z.number().int().positive(),
    // Some old releases have a null here: one of them mustn't hide the others.
    status: z.enum(RELEASE_STATUSES).catch('unknown'),
    current: z.boolean(),
    created_at: time,
    updated_at: time,
    user: z.object({ email: z.string() }),
    description: z.string(),
  })
  .transform(
    (body): Release => ({
      id: body.id,
      version: body.version,
      status: body.status,
      current: body.current,
      createdAt: body.created_at,
      updatedAt: body.updated_at,
      user: body.user.email,
      description: body.description,
    }),
  );

const appBody = z.object({ id: z.string().min(1), name: z.string().min(1) });

const releasesBody = z.array(releaseBody).refine(isNewestFirst);

const configVarValue = z.string().nullable();

const jsonObject = z.custom<object>((body) => typeof body === 'object' && body !== null && !Array.isArray(body));

const refusalBody = z.object({ id: z.string() });

/** The short word by which Heroku says why it refuses; null where there is none. The words beside it end here. */
export function readRefusalId(text: string): string | null {
  const reading = read(text, refusalBody);
  return reading.ok ? reading.value.id : null;
}

export const readRelease = (text: string): Reading<Release> => read(text, releaseBody);

export const readApp = (text: string): Reading<App> => read(text, appBody);

/** Takes at most `max` releases, and only newest first: a list in another order would hide the latest release. */
export function readReleases(text: string, max: number): Reading<readonly Release[]> {
  const reading = read(text, releasesBody);
  return reading.ok && reading.value.length > max ? { ok: false, fault: 'body: too_big' } : reading;
}

/** The one variable, null where it is unset. All the others end here. */
export function readConfigVar(text: string, name: string): Reading<string | null> {
  const vars = read(text, jsonObject);
  return vars.ok ? check(ownValue(vars.value, name), configVarValue) : vars;
}

/** Some of the variables, by name, null where unset. All the others end here. */
export function readConfigVars(text: string, names: readonly string[]): Reading<ReadonlyMap<string, string | null>> {
  const vars = read(text, jsonObject);
  if (!vars.ok) return vars;
  const found = new Map<string, string | null>();
  for (const name of names) {
    const value = check(ownValue(vars.value, name), configVarValue);
    if (!value.ok) return value;
    found.set(name, value.value);
  }
  return { ok: true, value: found };
}

function isNewestFirst(releases: readonly Release[]): boolean {
  return releases.every(
    (release, index) => release.version < (releases[index - 1]?.version ?? Number.POSITIVE_INFINITY),
  );
}

/** An own property only: `constructor` is a legal name of a config var, and inherited by every object. */
function ownValue(vars: object, name: string): unknown {
  const value: unknown = Object.getOwnPropertyDescriptor(vars, name)?.value;
  return value ?? null;
}

function read<T>(text: string, schema: z.ZodType<T>): Reading<T> {
  const body = parseJson(text);
  return body === undefined ? { ok: false, fault: `not JSON (${Buffer.byteLength(text)} bytes)` } : check(body, schema);
}

function check<T>(body: unknown, schema: z.ZodType<T>): Reading<T> {
  const result = schema.safeParse(body);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, fault: result.error.issues.map((issue) => `${place(issue.path)}: ${issue.code}`).join(', ') };
}

/** Undefined where it is no JSON; the parser's own error quotes the body and goes no further. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function place(path: readonly PropertyKey[]): string {
  return path.length === 0 ? 'body' : path.map(String).join('.');
}
