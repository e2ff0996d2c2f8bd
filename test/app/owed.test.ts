import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { startTestBed, type TestBed } from '../support/app.js';
import { eventually } from '../support/eventually.js';

/* Nothing is green while something due can't be done. */

const MINUTE = 60_000;
let bed: TestBed;
let monitor: Server;
let beats: number;

beforeEach(async () => {
  beats = 0;
  monitor = createServer((_, response) => {
    beats += 1;
    response.end();
  });
  monitor.listen(0, '127.0.0.1');
  await once(monitor, 'listening');
  const address = monitor.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  bed = await startTestBed({
    rateLimit: false,
    startAt: '2026-05-10T05:00:00Z',
    databaseClockStands: true,
    environment: { MAINTENANCE_CRON: '* * * * *', HEARTBEAT_URL: `http://127.0.0.1:${address.port}/` },
  });
});
afterEach(async () => {
  await bed.close();
  const closed = once(monitor, 'close');
  monitor.close();
  monitor.closeAllConnections();
  await closed;
});

const readyz = async () => {
  const answer = await fetch(`${bed.baseUrl}/readyz`);
  return { status: answer.status, text: await answer.text() };
};

test('with the alert channel archived, the heartbeat stops and readiness is red, also while nothing is tried', async () => {
  await eventually(async () => expect(beats).toBeGreaterThan(0));
  bed.slack.faults.add({ method: 'chat.postMessage', kind: 'error', error: 'is_archived' });
  await bed.rows.insertDeploying();
  const triesOf = () => bed.slack.calls.filter(({ method }) => method === 'chat.postMessage').length;
  let idle = 0;
  for (let minute = 0; minute <= 4; minute += 1) {
    await bed.app.tick();
    await bed.clock.advance(MINUTE);
  }
  const before = beats;
  for (let minute = 5; minute < 45; minute += 1) {
    const tries = triesOf();
    await bed.app.tick();
    if (triesOf() === tries) idle += 1;
    await bed.clock.advance(MINUTE);
  }
  // That is when nothing failed, because nothing was due.
  expect(idle).toBeGreaterThan(20);
  expect(beats).toBe(before);
  await eventually(async () => {
    const red = await readyz();
    expect(red.status).toBe(503);
    expect(red.text).toContain('"owed":"1 message overdue, the oldest since 2026-05-10T05:00:00.000Z"');
  });
  // Three ticks of a daily cron have not passed yet.
  const daily = await bed.replica({ environment: { MAINTENANCE_CRON: '0 0 * * *' } });
  expect((await fetch(`http://127.0.0.1:${daily.port}/readyz`)).status).toBe(200);
  bed.slack.faults.clear();
  await bed.clock.advance(60 * MINUTE);
  await bed.app.tick();
  await eventually(async () => expect(beats).toBeGreaterThan(before));
  await eventually(async () => expect((await readyz()).status).toBe(200));
});
