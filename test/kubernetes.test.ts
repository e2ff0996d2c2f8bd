import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { readConfig } from '../src/config.js';
import { UNSET } from '../src/doctor/unset.js';
import { type HttpServer, startHttp } from '../src/http.js';
import { createLogger } from '../src/log.js';
import { createMetrics } from '../src/metrics.js';

/** The manifests in deploy/kubernetes: valid for Kubernetes, and true of the app. */

const ROOT = path.resolve(__dirname, '..');
const FOLDER = path.join(ROOT, 'deploy/kubernetes');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');

const resource = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
});
const resources = readdirSync(FOLDER).flatMap((file) =>
  parseAllDocuments(readFileSync(path.join(FOLDER, file), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return { file, ...resource.parse(document.toJS()) };
  }),
);

function only<T>(kind: string, shape: z.ZodType<T>): T {
  const found = resources.filter((one) => one.kind === kind);
  expect(found).toHaveLength(1);
  return shape.parse(found[0]);
}

/**
 * The compiler's findings on manifests as values of Kubernetes' own types, which know every field of every resource. An
 * object literal may have no unknown field: so a typo is an error.
 */
async function faultsOf(manifests: readonly object[]): Promise<readonly string[]> {
  // Inside the project, where the types are found.
  const folder = path.join(ROOT, 'artifacts', `kubernetes-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'manifests.ts');
  const text = manifests.map((manifest, index) => {
    const { apiVersion, kind } = resource.parse(manifest);
    const group = apiVersion === 'v1' ? 'core/v1' : apiVersion.replace('.k8s.io', '');
    return `export const m${index}: import('kubernetes-types/${group}').${kind} = ${JSON.stringify(manifest, null, 2)};`;
  });
  writeFileSync(file, text.join('\n'));
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler'];
  try {
    await promisify(execFile)('npx', ['tsc', '--ignoreConfig', ...options, '--types', '', file], { cwd: ROOT });
    return [];
  } catch (error) {
    const { stdout } = z.object({ stdout: z.string() }).parse(error);
    return [...stdout.matchAll(/error (TS\d+: .*)/gu)].map(([, fault = '']) => fault);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const withoutFile = ({ file: _, ...manifest }: (typeof resources)[number]): object => manifest;

test('Kubernetes knows every field of every manifest', async () => {
  expect(resources.map(({ kind }) => kind).toSorted()).toEqual([
    'ConfigMap',
    'Deployment',
    'NetworkPolicy',
    'PodDisruptionBudget',
    'Secret',
    'Service',
  ]);
  expect(await faultsOf(resources.map(withoutFile))).toEqual([]);
});

test('a typo, a wrong type, a missing field and an unknown resource are found', async () => {
  const deployment = JSON.stringify(
    withoutFile(resources.find(({ kind }) => kind === 'Deployment') ?? resources[0] ?? never()),
  );
  const wrong = (from: string | RegExp, to: string): object => {
    const changed: unknown = JSON.parse(deployment.replace(from, to));
    expect(JSON.stringify(changed)).not.toBe(deployment);
    return z.record(z.string(), z.unknown()).parse(changed);
  };
  for (const [manifest, fault] of [
    [wrong('readinessProbe', 'readinesProbe'), /readinesProbe/u],
    [wrong('"replicas":2', '"replicas":"2"'), /not assignable to type 'number/u],
    [wrong(/"selector":\{.*?\}\},/u, ''), /selector/u],
    [wrong('apps/v1', 'apps/v1beta9'), /apps\/v1beta9/u],
  ] as const) {
    expect((await faultsOf([manifest])).join('\n')).toMatch(fault);
  }
});

function never(): never {
  throw new Error('There are no manifests.');
}

const probe = z.object({ httpGet: z.object({ path: z.string(), port: z.literal('http') }) });
const settings = z.array(
  z.union([
    z.object({ configMapRef: z.object({ name: z.string() }) }),
    z.object({ secretRef: z.object({ name: z.string() }) }),
  ]),
);
const locked = z.object({
  allowPrivilegeEscalation: z.literal(false),
  readOnlyRootFilesystem: z.literal(true),
  capabilities: z.object({ drop: z.tuple([z.literal('ALL')]) }),
});
const container = z.looseObject({ image: z.string(), envFrom: settings, securityContext: locked });
const deployment = z.object({
  spec: z.object({
    replicas: z.number(),
    selector: z.object({ matchLabels: z.record(z.string(), z.string()) }),
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }),
      spec: z.object({
        terminationGracePeriodSeconds: z.number(),
        securityContext: z.object({ runAsNonRoot: z.literal(true), runAsUser: z.number() }).loose(),
        initContainers: z.tuple([container.extend({ command: z.array(z.string()) })]),
        containers: z.tuple([
          container.extend({
            ports: z.tuple([z.object({ name: z.literal('http'), containerPort: z.number() })]),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
            lifecycle: z.object({
              preStop: z.object({ exec: z.object({ command: z.tuple([z.literal('sleep'), z.string()]) }) }),
            }),
          }),
        ]),
      }),
    }),
  }),
});

// docs/install.md says so.
test.each(['secret.yml', 'secret-migrate.yml', 'migrate-secret.yml'])(
  '%s, filled in beside its example, stays out of git',
  (file) => {
    const ignored = (name: string) =>
      spawnSync('git', ['check-ignore', '--quiet', '--no-index', `deploy/kubernetes/${name}`], { cwd: ROOT }).status;
    expect(ignored(file)).toBe(0);
    expect(ignored('secret.yml.example')).toBe(1);
  },
);

describe('what they say of the app', () => {
  const { spec } = only('Deployment', deployment);
  const pod = spec.template.spec;
  const [app] = pod.containers;
  const [migrate] = pod.initContainers;

  test('its user is the image’s, which is no root', () => {
    expect(read('Dockerfile')).toMatch(/^FROM node:24-bookworm-slim@sha256:[\da-f]{64}$/mu);
    expect(read('Dockerfile')).toMatch(/^USER node$/mu);
    // https://github.com/nodejs/docker-node/blob/main/docs/BestPractices.md#non-root-user
    expect(pod.securityContext.runAsUser).toBe(1000);
  });

  test('it migrates with a command that there is, in the same image, and starts as the image does', () => {
    const [node, program, verb] = migrate.command;
    expect([node, program]).toEqual(['node', 'dist/src/cli.js']);
    expect(read('src/cli.ts')).toContain(`.command('${verb}')`);
    expect(migrate.image).toBe(app.image);
    expect(app).not.toHaveProperty('command');
  });

  test('its settings are there, those that it does not start without among them, and none has a value that is a secret', () => {
    const data = z.object({ data: z.record(z.string(), z.string()) });
    const secret = z.object({ file: z.string(), stringData: z.record(z.string(), z.string()) });
    const config = only('ConfigMap', data).data;
    const { file, stringData } = only('Secret', secret);
    const known = Object.keys(UNSET);
    expect([...Object.keys(config), ...Object.keys(stringData)].filter((name) => !known.includes(name))).toEqual([]);
    const required = Object.entries(UNSET).flatMap(([name, unset]) => (unset === null ? [name] : []));
    expect([...Object.keys(config), ...Object.keys(stringData)]).toEqual(expect.arrayContaining(required));
    expect(Object.values(stringData).filter((value) => value !== '')).toEqual([]);
    // `kubectl apply -f` reads every .yml in a folder: empty values would overwrite real ones.
    expect(file.endsWith('.yml')).toBe(false);
    for (const { envFrom } of [app, migrate]) {
      const names = envFrom.map((one) => ('secretRef' in one ? one.secretRef.name : one.configMapRef.name));
      expect(names).toEqual(['flag-promotions', 'flag-promotions']);
    }
  });

  test('it listens on its default port', () => {
    const required = {
      DATABASE_URL: 'postgres://db',
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_SIGNING_SECRET: 'x',
      SLACK_ALERT_CHANNEL: 'C0123456789',
      TOTP_ENCRYPTION_KEY: Buffer.alloc(32, 1).toString('base64'),
    };
    expect(app.ports[0].containerPort).toBe(readConfig(required).port);
    expect(read('Dockerfile')).toContain(`EXPOSE ${app.ports[0].containerPort}`);
  });

  test('it has time to stop: the app’s ten seconds, after those of preStop', () => {
    const [, , deadline = ''] = /(STOP_WITHIN_MS) = (\d+_\d+)/u.exec(read('src/app.ts')) ?? [];
    const stopsWithinS = Math.ceil(Number(deadline.replace('_', '')) / 1_000);
    expect(stopsWithinS).toBeGreaterThan(5);
    const [, beforeS] = app.lifecycle.preStop.exec.command;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(beforeS) + stopsWithinS);
  });

  test('selectors find its pods, and one may always be missing', () => {
    const { labels } = spec.template.metadata;
    const selector = z.record(z.string(), z.string());
    const service = only('Service', z.object({ spec: z.object({ selector }) }));
    const matching = z.object({ matchLabels: selector });
    const budget = only(
      'PodDisruptionBudget',
      z.object({ spec: z.object({ selector: matching, minAvailable: z.number() }) }),
    );
    const policy = only('NetworkPolicy', z.object({ spec: z.object({ podSelector: matching }) }));
    for (const selected of [
      spec.selector.matchLabels,
      service.spec.selector,
      budget.spec.selector.matchLabels,
      policy.spec.podSelector.matchLabels,
    ]) {
      expect(labels).toMatchObject(selected);
      expect(Object.keys(selected)).not.toHaveLength(0);
    }
    expect(spec.replicas).toBeGreaterThan(budget.spec.minAvailable);
  });

  test('it is let out to names, to https and to PostgreSQL, and in where it listens', () => {
    const rule = z.object({
      ports: z.array(z.object({ protocol: z.string(), port: z.union([z.string(), z.number()]) })),
    });
    const { ingress, egress } = only(
      'NetworkPolicy',
      z.object({ spec: z.object({ ingress: z.array(rule), egress: z.array(rule) }) }),
    ).spec;
    const portsOf = (rules: typeof egress) =>
      rules.flatMap(({ ports }) => ports.map(({ protocol, port }) => `${protocol} ${port}`)).toSorted();
    expect(portsOf(egress)).toEqual(['TCP 443', 'TCP 53', 'TCP 5432', 'UDP 53']);
    expect(portsOf(ingress)).toEqual([`TCP ${app.ports[0].name}`]);
  });

  describe('its probes', () => {
    let server: HttpServer;
    beforeAll(async () => {
      server = await startHttp(0, {
        slackListener: null,
        pages: {},
        publicUrl: null,
        metricsToken: null,
        readiness: async () => ({ ready: false, checks: {} }),
        metrics: createMetrics(),
        log: createLogger('silent', process.stderr),
      });
    });
    afterAll(() => server.stop());

    test.each([
      ['startupProbe', 200],
      ['livenessProbe', 200],
      // Nothing is well, and the process lives.
      ['readinessProbe', 503],
    ] as const)('%s is answered', async (name, status) => {
      const answer = await fetch(`http://127.0.0.1:${server.port}${app[name].httpGet.path}`);
      expect(answer.status).toBe(status);
    });
  });
});
