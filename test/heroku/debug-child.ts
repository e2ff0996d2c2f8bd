import HerokuClient from 'heroku-client';
import { createHeroku } from '../../src/heroku/heroku.js';
import { DIRECTLY } from '../support/network.js';

/** Reads a config var with the client that its first argument names; run with DEBUG=http. */
const [, , which, apiUrl = '', apiKey = '', app = '', name = ''] = process.argv;

if (which === 'adapter') {
  const heroku = createHeroku({ apiKey, apiUrl, network: DIRECTLY });
  await heroku.readConfigVar(app, name);
  await heroku.setConfigVar(app, name, 'canary-value-being-set', { mayStillSend: () => true });
  await heroku.app('nobody').catch(() => undefined);
  heroku.close();
} else {
  await new HerokuClient({ token: apiKey, host: apiUrl }).get(`/apps/${app}/config-vars`);
}
