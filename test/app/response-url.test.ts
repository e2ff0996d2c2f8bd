import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { signed } from '../chaos/signed.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* A stolen signing secret can't make the app send requests into its own network. */

let bed: TestBed;
let inside: Server;
let visits: number;
let address: string;

beforeEach(async () => {
  visits = 0;
  inside = createServer((_, response) => {
    visits += 1;
    response.end('secret');
  });
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  const bound = inside.address();
  if (bound === null || typeof bound === 'string') throw new Error('The server has no port.');
  address = `http://127.0.0.1:${bound.port}/`;
  bed = await startTestBed({ rateLimit: false });
});
afterEach(async () => {
  await bed.close();
  const closed = once(inside, 'close');
  inside.close();
  inside.closeAllConnections();
  await closed;
});

const refusals = () => bed.logged.filter((line) => line.includes('an answer could not be delivered'));
async function commandAnsweredTo(responseUrl: string): Promise<void> {
  const command = {
    command: '/flag-promotions',
    text: 'help',
    user_id: bed.slack.people.superadmin.id,
    team_id: bed.slack.teamId,
    trigger_id: responseUrl,
    response_url: responseUrl,
  };
  const body = new URLSearchParams(command).toString();
  const answer = await fetch(`${bed.baseUrl}/slack/events`, signed(body, bed.slack.signingSecret));
  expect(answer.status).toBe(200);
}

test('an answer that would go elsewhere is not sent', async () => {
  await commandAnsweredTo(address);
  await eventually(async () => expect(refusals()).toHaveLength(1));
  expect(refusals().join()).toContain('not_at_slack');
  expect(visits).toBe(0);
});

test('a redirect is not followed', async () => {
  bed.slack.faults.add({ method: 'response_url', kind: 'status', status: 307, location: address });
  const { superadmin } = bed.slack.people;
  await superadmin.command('help');
  await eventually(async () => expect(refusals()).toHaveLength(1));
  expect(refusals().join()).toContain('http_307');
  expect(visits).toBe(0);
});
