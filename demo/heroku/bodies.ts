import type { StandInApp, StandInDyno, StandInRelease } from './app.js';
import { uuidOf } from './ids.js';

/** Heroku's times are in UTC and whole seconds. */
function timestamp(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z');
}

const named = (kind: string, name: string) => ({ id: uuidOf(`${kind} ${name}`), name });

/** https://devcenter.heroku.com/articles/platform-api-reference#app */
export function appBody(app: StandInApp, owner: string) {
  const current = timestamp(app.current.createdAt);
  return {
    acm: true,
    archived_at: null,
    build_stack: named('stack', 'heroku-24'),
    buildpack_provided_description: 'Node.js',
    created_at: timestamp(app.createdAt),
    generation: named('generation', 'cedar'),
    git_url: `https://git.heroku.com/${app.name}.git`,
    id: app.id,
    internal_routing: null,
    maintenance: false,
    name: app.name,
    organization: null,
    owner: { email: owner, id: uuidOf(`account ${owner}`) },
    region: named('region', 'us'),
    released_at: current,
    repo_size: null,
    slug_size: 20_480_000,
    space: null,
    stack: named('stack', 'heroku-24'),
    team: null,
    updated_at: current,
    web_url: `https://${app.name}-${uuidOf(app.name).slice(0, 12)}.herokuapp.com/`,
  };
}

/** https://devcenter.heroku.com/articles/platform-api-reference#oauth-authorization */
export function authorizationBody(account: string, description: string, scope: readonly string[], token: string) {
  const at = '2026-01-01T00:00:00Z';
  return {
    access_token: { expires_in: null, id: uuidOf(`token ${description}`), token },
    client: null,
    created_at: at,
    description,
    grant: null,
    id: uuidOf(`authorization ${description}`),
    refresh_token: null,
    scope,
    session: null,
    updated_at: at,
    user: { email: account, full_name: null, id: uuidOf(`account ${account}`) },
  };
}

/** https://devcenter.heroku.com/articles/platform-api-reference#release */
export function releaseBody(app: StandInApp, release: StandInRelease) {
  const slug = uuidOf(`slug ${app.name}`);
  return {
    addon_plan_names: [],
    app: { id: app.id, name: app.name },
    artifacts: [{ type: 'slug', id: slug }],
    created_at: timestamp(release.createdAt),
    current: release.current,
    description: release.description,
    eligible_for_rollback: release.status === 'succeeded' && !release.current,
    id: release.id,
    output_stream_url: release.hasReleasePhase ? `https://release-output.heroku.com/streams/${release.id}` : null,
    slug: { id: slug },
    status: release.status,
    updated_at: timestamp(release.updatedAt),
    user: { email: release.user, id: uuidOf(`account ${release.user}`) },
    version: release.version,
  };
}

/** https://devcenter.heroku.com/articles/platform-api-reference#dyno */
export function dynoBody(app: StandInApp, dyno: StandInDyno) {
  const since = timestamp(dyno.release.updatedAt);
  return {
    app: { id: app.id, name: app.name },
    attach_url: null,
    command: dyno.type === 'web' ? 'node dist/server.js' : `node dist/${dyno.type}.js`,
    created_at: since,
    id: uuidOf(`dyno ${app.name} ${dyno.name} ${dyno.release.version}`),
    name: dyno.name,
    release: { id: dyno.release.id, version: dyno.release.version },
    size: 'Standard-1X',
    state: dyno.state,
    type: dyno.type,
    updated_at: since,
  };
}
