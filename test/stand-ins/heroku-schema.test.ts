import { type HerokuStandIn, startHerokuStandIn } from '../../demo/heroku/stand-in.js';
import { createHeroku, type Heroku } from '../../src/heroku/heroku.js';
import { inspectHeroku } from '../../src/heroku/inspection.js';
import { loadHerokuSchema } from './heroku-schema.js';
import { DIRECTLY } from '../support/network.js';

const schema = loadHerokuSchema();

const SKIPPED = "SKIPPED: Heroku's schema (heroku-platform-api.schema.json) is not at hand";
const APP = 'raxx-console-prod';
const FLAG = 'FLAG_CONSOLE_HEROKU_LOG_DRAIN_ALERTING';

if (schema === null) {
  // A run of many files names no skipped tests: this is how one learns of it.
  process.stderr.write(`${SKIPPED}\n`);
  test.skip(SKIPPED, () => undefined);
} else {
  describe("by Heroku's own schema", () => {
    let standIn: HerokuStandIn;
    let heroku: Heroku;

    beforeEach(async () => {
      standIn = await startHerokuStandIn({ apps: { [APP]: { vars: { [FLAG]: 'false', OTHER: 'x' } } } });
      heroku = createHeroku({ apiKey: standIn.apiKey, apiUrl: standIn.apiUrl, network: DIRECTLY });
    });

    afterEach(async () => {
      heroku.close();
      await standIn.close();
    });

    test('everything that we send is documented, and everything that the stand-in answers is in form', async () => {
      await heroku.app(APP);
      for (const behaviour of ['instant', 'pending', 'fail'] as const) {
        standIn.setReleaseBehaviour(APP, behaviour);
        await heroku.setConfigVar(APP, FLAG, behaviour, { mayStillSend: () => true });
        const release = await heroku.latestRelease(APP);
        await heroku.release(APP, release?.id ?? '');
        await heroku.configVarAtRelease(APP, release?.id ?? '', FLAG);
      }
      await heroku.setConfigVar(APP, FLAG, null, { mayStillSend: () => true });
      standIn.finishRelease(APP, 'expired');
      await heroku.readConfigVar(APP, FLAG);
      await heroku.releases(APP, { max: 100 });
      await heroku.release(APP, '1');
      await heroku.dynos(APP);
      standIn.setDynos(APP, [
        { name: 'run.1', state: 'starting' },
        { name: 'worker.1', state: 'crashed', release: 1 },
      ]);
      await heroku.dynos(APP);

      expect(standIn.requests).toHaveLength(19);
      expect(standIn.requests.map(({ status }) => status).filter((status) => status !== 200 && status !== 206)).toEqual(
        [],
      );
      const faults = standIn.requests.flatMap((request) =>
        schema.faultsOf(request).map((fault) => `${request.method} ${request.path}: ${fault}`),
      );
      expect(faults).toEqual([]);
    });

    test('so is what doctor asks, and what it is answered', async () => {
      const everything = await startHerokuStandIn({ apps: { [APP]: { vars: {} } }, scopes: ['global'] });
      const { apiKey, apiUrl } = everything;
      const { key } = await inspectHeroku({
        network: DIRECTLY,
        apiKey,
        apiUrl,
        tried: [{ app: APP, configVar: FLAG }],
        now: () => new Date(),
      });
      await everything.close();
      expect(key).toEqual({ kind: 'known', scopes: ['global'] });
      expect(everything.requests.map(({ path }) => path)).toEqual([
        '/oauth/authorizations',
        `/apps/${APP}/config-vars`,
      ]);
      expect(everything.requests.flatMap((request) => schema.faultsOf(request))).toEqual([]);
    });

    test('the check can fail: on an answer, on a request, on a path', async () => {
      const release = await heroku.latestRelease(APP);
      const answered = standIn.requests[0];
      const body: unknown = Array.isArray(answered?.answer) ? answered.answer[0] : null;
      expect(schema.faultsIn('release', body)).toEqual([]);
      const wrong = { status: 'done', version: '3', created_at: 'yesterday', id: 'v3', user: { email: 'x' }, more: 1 };
      for (const [name, value] of Object.entries(wrong)) {
        expect(schema.faultsIn('release', { ...Object(body), [name]: value })).not.toEqual([]);
      }
      const { status: _, ...without } = Object(body);
      expect(schema.faultsIn('release', without)).not.toEqual([]);

      const patch = { method: 'PATCH', path: `/apps/${APP}/config-vars`, body: { [FLAG]: 'true' }, answer: {} };
      expect(schema.faultsOf(patch)).toEqual([]);
      expect(schema.faultsOf({ ...patch, body: { [FLAG]: true } })).not.toEqual([]);
      expect(schema.faultsOf({ ...patch, body: { 'FLAG-X': 'true' } })).not.toEqual([]);
      expect(schema.faultsOf({ ...patch, answer: { [FLAG]: 1 } })).not.toEqual([]);
      expect(schema.faultsOf({ ...patch, path: `/apps/${APP}/releases/${release?.id}/vars` })).not.toEqual([]);
    });
  });
}
