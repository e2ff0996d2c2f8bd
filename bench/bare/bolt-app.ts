import { App, HTTPReceiver } from '@slack/bolt';
import pg from 'pg';
import { portOf } from '../harness/ports.js';

/**
 * What somebody would write first: Bolt with its own receiver, a pool of connections, and handlers that only `ack()`.
 */
const environment = (name: string): string => process.env[name] ?? '';

const pool = new pg.Pool({ connectionString: environment('DATABASE_URL') });
const receiver = new HTTPReceiver({
  signingSecret: environment('SLACK_SIGNING_SECRET'),
  endpoints: '/slack/events',
  customRoutes: [
    {
      path: '/readyz',
      method: 'GET',
      handler: async (_request, response) => {
        await pool.query('select 1');
        await app.client.auth.test({ token: environment('SLACK_BOT_TOKEN') });
        response.writeHead(200).end('ok');
      },
    },
  ],
});
const app = new App({
  receiver,
  authorize: async () => ({ botToken: environment('SLACK_BOT_TOKEN') }),
  clientOptions: { slackApiUrl: environment('SLACK_API_URL') },
});
app.command(/.*/u, ({ ack }) => ack());
app.action(/.*/u, ({ ack }) => ack());
// The same answer as the app's: an error under a field.
app.view(/.*/u, ({ ack }) =>
  ack({ response_action: 'errors', errors: { note: 'Say why: the next person will want to know.' } }),
);

const server = await receiver.start(0);
process.stdout.write(`${JSON.stringify({ port: portOf(server) })}\n`);
