import * as z from 'zod';
import { RELEASE_STATUSES, type ReleaseStatus } from '../promotions/evidence.js';

/** A release: one state of an app's code, config vars and add-ons. Times are Heroku's, in whole seconds. */
export interface Release {
  readonly id: string;
  readonly version: number;
  readonly status: ReleaseStatus;
  /** True only for the release that the app's dynos run. */
  readonly current: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** E-mail address of the account that made it. */
  readonly user: string;
  /** Heroku's words for people; never to be parsed. */
  readonly description: string;
}

export interface App {
  readonly id: string;
  readonly name: string;
}

/** A dyno: one process of an app. */
export interface Dyno {
  /** `web.1`. */
  readonly name: string;
  /** `web`; `run` and `scheduler` are one-off. */
  readonly type: string;
  /** Heroku's word: up, idle, starting, crashed, down, or a new one. */
  readonly state: string;
  /** The version of the release that it runs. */
  readonly release: number;
}

/** The value, or where the body was wrong, without any of its content. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: string };

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const releaseBody = z
  .object({
    id: z.string().min(1),
    version: z.number().int().positive(),
    // Some old releases have null here: one must not hide the others.
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

const word = z.string().min(1).max(200);
const dynosBody = z.array(
  z
    .object({ name: word, type: word, state: word, release: z.object({ version: z.number().int() }) })
    .transform(({ name, type, state, release }): Dyno => ({ name, type, state, release: release.version })),
);

const releasesBody = z.array(releaseBody).refine(isNewestFirst);

const configVarValue = z.string().nullable();

const jsonObject = z.custom<object>((body) => typeof body === 'object' && body !== null && !Array.isArray(body));

const refusalBody = z.object({ id: z.string() });

/** Heroku's short id for a refusal; null if there is none. Its longer message stops here. */
export function readRefusalId(text: string): string | null {
  const reading = read(text, refusalBody);
  return reading.ok ? reading.value.id : null;
}

/** Whether a body is JSON, and not in the shape of Heroku's refusals. */
export const isOtherJson = (text: string): boolean => parseJson(text) !== undefined && readRefusalId(text) === null;

export const readRelease = (text: string): Reading<Release> => read(text, releaseBody);

export const readApp = (text: string): Reading<App> => read(text, appBody);

/** Accepts fewer than `most` dynos: a full page may not be all. */
export const readDynos = (text: string, most: number): Reading<readonly Dyno[]> => read(text, dynosBody.max(most - 1));

/** Accepts at most `max` releases, and only newest first: another order would hide the latest release. */
export function readReleases(text: string, max: number): Reading<readonly Release[]> {
  const reading = read(text, releasesBody);
  return reading.ok && reading.value.length > max ? { ok: false, fault: 'body: too_big' } : reading;
}

/** One variable; null if unset. All the others stop here. */
export function readConfigVar(text: string, name: string): Reading<string | null> {
  const vars = read(text, jsonObject);
  return vars.ok ? check(ownValue(vars.value, name), configVarValue) : vars;
}

/** Some variables, by name; null if unset. All the others stop here. */
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

/** Own properties only: `constructor` is a legal config var name, and every object inherits one. */
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

/** Undefined if it isn't JSON. The parser's own error quotes the body, so it is dropped. */
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
