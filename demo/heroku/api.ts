import type { IncomingHttpHeaders } from 'node:http';
import type { Changes, StandInApp, StandInRelease, Vars } from './app.js';
import { appBody, authorizationBody, dynoBody, releaseBody } from './bodies.js';
import { cutPage } from './range.js';
import { type Refusal, refusals } from './refusals.js';

export interface ApiRequest {
  readonly method: string;
  /** As sent: still encoded, without a query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiState {
  readonly apiKey: string;
  readonly account: string;
  readonly scopes: readonly string[];
  readonly apps: ReadonlyMap<string, StandInApp>;
  /** Called for each config var that a PATCH changed. */
  readonly onChanged: (app: StandInApp, name: string) => void;
  /** Called for each config var in a successful PATCH, changed or not. */
  readonly onPatched: (app: StandInApp, name: string) => void;
}

/** For all config vars of an app together. https://devcenter.heroku.com/articles/config-vars#config-var-policies */
const MAX_BYTES = 32_768;
const ACCEPT = /^application\/vnd\.heroku\+json\s*;\s*version=3(?:\.[\w.-]+)?$/;

/** The refusal, or null if the request is as Heroku expects. */
export function refuse(request: ApiRequest, apiKey: string): Refusal | null {
  if (!isAuthorized(request.headers.authorization, apiKey)) return refusals.unauthorized();
  const accepted = (request.headers.accept ?? '').split(',').map((type) => type.trim());
  return accepted.some((type) => ACCEPT.test(type)) ? null : refusals.notAcceptable();
}

/** Answers as Heroku does, and takes effect. */
export function answer(request: ApiRequest, state: ApiState): ApiAnswer {
  if (request.method === 'GET' && request.path === '/oauth/authorizations') return listAuthorizations(state);
  const [apps, appName, collection, releaseName, of, ...rest] = segments(request.path);
  if (apps !== 'apps' || appName === undefined || rest.length > 0) return refusals.noSuchEndpoint();
  const route = [request.method, collection, releaseName !== undefined && '*', of].filter(Boolean).join(' ');

  const app = find(state.apps.values(), (candidate) => candidate.name === appName || candidate.id === appName);
  if (app === undefined) return refusals.notFound('app');
  if (!app.collaborators.includes(state.account)) return refusals.forbidden(app.name);

  switch (route) {
    case 'GET':
      return { status: 200, body: appBody(app, state.account) };
    case 'GET config-vars':
      return { status: 200, body: app.vars };
    case 'PATCH config-vars':
      return patchConfigVars(request, app, state);
    case 'GET dynos':
      return listDynos(request, app);
    case 'GET releases':
      return listReleases(request, app);
    case 'GET releases *':
      return onRelease(app, releaseName, (release) => releaseBody(app, release));
    case 'GET releases * config-vars':
      return onRelease(app, releaseName, (release) => release.vars);
    default:
      return refusals.noSuchEndpoint();
  }
}

/** An account's authorizations; only a key with every right may list them. */
function listAuthorizations({ account, apiKey, scopes }: ApiState): ApiAnswer {
  if (!scopes.includes('global')) return refusals.outOfScope();
  return {
    status: 200,
    body: [
      authorizationBody(account, 'of another program', ['identity'], 'HRKU-of-another-program'),
      authorizationBody(account, 'ours', scopes, apiKey),
    ],
  };
}

function isAuthorized(header: string | undefined, apiKey: string): boolean {
  const [scheme, credentials = ''] = (header ?? '').split(' ');
  if (scheme === 'Bearer') return credentials === apiKey;
  if (scheme !== 'Basic') return false;
  const pair = Buffer.from(credentials, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1) === apiKey;
}

/** Decoded one by one, so that an encoded slash or dot stays part of its segment. */
function segments(path: string): (string | undefined)[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent);
  } catch {
    return [];
  }
}

function patchConfigVars(request: ApiRequest, app: StandInApp, state: ApiState): ApiAnswer {
  const changes = parseChanges(request);
  if ('status' in changes) return changes;
  const vars = app.preview(changes.value);
  if (bytes(vars) > MAX_BYTES) return refusals.invalid(`Config vars exceed the limit of ${MAX_BYTES} bytes.`);
  const result = app.change(changes.value, state.account);
  for (const name of Object.keys(changes.value)) state.onPatched(app, name);
  for (const name of result.changed) state.onChanged(app, name);
  return { status: 200, body: result.vars };
}

function parseChanges({ headers, body }: ApiRequest): { readonly value: Changes } | Refusal {
  if (!/^application\/(?:[\w.+-]+\+)?json\b/.test(headers['content-type'] ?? '')) {
    return refusals.badRequest('Set the `Content-Type: application/json` header and try again.');
  }
  const parsed = parseJson(body);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return refusals.badRequest('Request invalid, validate usage and try again.');
  }
  const changes: [string, string | null][] = [];
  for (const [name, value] of Object.entries(parsed)) {
    if (!/^\w+$/.test(name)) return refusals.invalid(`${name} is not a valid config var name.`);
    if (typeof value !== 'string' && value !== null) return refusals.invalid(`${name} must be a string or null.`);
    changes.push([name, value]);
  }
  return { value: Object.fromEntries(changes) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function bytes(vars: Vars): number {
  return Object.entries(vars).reduce((sum, pair) => sum + Buffer.byteLength(pair.join('')), 0);
}

function listReleases({ headers }: ApiRequest, app: StandInApp): ApiAnswer {
  const page = cutPage(headers.range, app.releases, {
    id: (release) => release.id,
    version: (release) => release.version,
  });
  if (typeof page === 'string') return refusals.rangeNotSatisfiable(page);
  return {
    status: page.nextRange === null ? 200 : 206,
    body: page.items.map((release) => releaseBody(app, release)),
    headers: {
      'Accept-Ranges': 'id, version',
      ...(page.contentRange !== null && { 'Content-Range': page.contentRange }),
      ...(page.nextRange !== null && { 'Next-Range': page.nextRange }),
    },
  };
}

function listDynos({ headers }: ApiRequest, app: StandInApp): ApiAnswer {
  const bodies = app.dynos.map((dyno) => dynoBody(app, dyno));
  const page = cutPage(headers.range, bodies, { id: (dyno) => dyno.id });
  if (typeof page === 'string') return refusals.rangeNotSatisfiable(page);
  return {
    status: page.nextRange === null ? 200 : 206,
    body: page.items,
    headers: {
      'Accept-Ranges': 'id',
      ...(page.contentRange !== null && { 'Content-Range': page.contentRange }),
      ...(page.nextRange !== null && { 'Next-Range': page.nextRange }),
    },
  };
}

function onRelease(app: StandInApp, name: string | undefined, body: (release: StandInRelease) => unknown): ApiAnswer {
  const release = find(app.releases, (candidate) => candidate.id === name || String(candidate.version) === name);
  return release === undefined ? refusals.notFound('release') : { status: 200, body: body(release) };
}

function find<T>(items: Iterable<T>, fits: (item: T) => boolean): T | undefined {
  return [...items].find(fits);
}
