import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { startTestBed, type TestBed } from '../support/app.js';
import { builtApp } from '../support/built-app.js';
import { eventually } from '../support/eventually.js';

/** What `npm run build` makes is what is deployed: one file, in which every package has to work as it does on its own. */
describe('the app as it is built', () => {
  let cli: string;
  let bed: TestBed;
  let app: ChildProcess;

  beforeAll(async () => {
    cli = await builtApp();
    bed = await startTestBed({ startAt: new Date().toISOString() });
    app = spawn(process.execPath, [cli, 'start'], {
      env: { PATH: process.env['PATH'], ...bed.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    for (const stream of [app.stdout, app.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        bed.hear(text);
      });
    }
    await eventually(async () => expect(said).toMatch(/"port":\d+/u), 20_000);
    bed.slack.connectHttp(`http://127.0.0.1:${/"port":(\d+)/u.exec(said)?.[1]}/slack/events`);
  }, 60_000);
  afterAll(async () => {
    const ended = new Promise((resolve) => app.once('exit', resolve));
    app.kill('SIGTERM');
    expect(await ended).toBe(0);
    await bed.close();
  }, 30_000);

  test('answers, promotes and draws', async () => {
    const { superadmin } = bed.slack.people;
    await superadmin.command('mark new_flag raxx-console-prod');
    await superadmin.waitForEphemeral((message) => message.text.includes('Marked'));
    await superadmin.command('promote new_flag');
    await superadmin.waitForModal();
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    await eventually(async () => {
      expect(await bed.rows.query('select state from console_flag_promotions')).toEqual([{ state: 'deployed' }]);
    });

    await superadmin.command('stats');
    const answer = await superadmin.waitForEphemeral((message) => JSON.stringify(message).includes('stats_chart'));
    await superadmin.click(answer, 'stats_chart');
    await superadmin.waitForEphemeral((message) => message.text.includes('Posted to'));
  });

  test('is the command line too', async () => {
    const command = [cli, 'operators', 'add', 'U0BUNDLED'];
    const { stdout } = await promisify(execFile)(process.execPath, command, {
      env: { PATH: process.env['PATH'], ...bed.environment },
    });
    expect(stdout).toContain('otpauth://totp/');
    expect(stdout).toContain('█');
  });
});
