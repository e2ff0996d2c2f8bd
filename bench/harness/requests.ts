import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';
import { BLOCK, COMMAND, INPUT, VIEW } from '../../src/views/ids.js';
import { BOT_TOKEN, TEAM } from './instant-slack.js';

/* Complete requests as Slack sends them: a click's payload is most of what an app has to parse. */

export const SIGNING_SECRET = 'bench-signing-secret';
export { BOT_TOKEN };

/** The request's person, and where its answer goes. */
export interface Sender {
  readonly userId: string;
  readonly triggerId?: string;
  readonly responseUrl: string;
}

/** Replaced in each request: Slack never repeats one, and the app takes a second for a repetition. */
const TRIGGER = 'trigger.000000000000';
let sent = 0;

function withTrigger(body: string): string {
  sent += 1;
  return body.replace(TRIGGER, `trigger.${String(sent).padStart(12, '0')}`);
}

export function signed(body: string): Readonly<Record<string, string>> {
  const timestamp = Math.floor(Date.now() / 1000).toString();
  const signature = createHmac('sha256', SIGNING_SECRET).update(`v0:${timestamp}:${body}`).digest('hex');
  return {
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': Buffer.byteLength(body).toString(),
    'x-slack-request-timestamp': timestamp,
    'x-slack-signature': `v0=${signature}`,
  };
}

export function command(text: string, { userId, responseUrl, triggerId = TRIGGER }: Sender): string {
  return new URLSearchParams({
    token: 'deprecated',
    team_id: TEAM,
    team_domain: 'bench',
    channel_id: 'C0ALERTS',
    channel_name: 'flag-alerts',
    user_id: userId,
    user_name: 'kris',
    command: COMMAND,
    text,
    api_app_id: 'A0BENCH',
    is_enterprise_install: 'false',
    response_url: responseUrl,
    trigger_id: triggerId,
  }).toString();
}

export function click(actionId: string, value: string, { userId, responseUrl, triggerId = TRIGGER }: Sender): string {
  return interaction({
    type: 'block_actions',
    user: { id: userId, username: 'kris', name: 'kris', team_id: TEAM },
    api_app_id: 'A0BENCH',
    token: 'deprecated',
    container: { type: 'message', message_ts: '1.1', channel_id: 'C0ALERTS', is_ephemeral: false },
    trigger_id: triggerId,
    team: { id: TEAM, domain: 'bench' },
    enterprise: null,
    is_enterprise_install: false,
    channel: { id: 'C0ALERTS', name: 'flag-alerts' },
    message: MESSAGE,
    state: { values: {} },
    response_url: responseUrl,
    actions: [
      { action_id: actionId, block_id: 'actions', type: 'button', value, text: plain('Button'), action_ts: '1.1' },
    ],
  });
}

/** A submitted resolution form. `privateMetadata` is what the app put in it when it opened. */
export function submission(
  privateMetadata: string,
  fields: Readonly<Record<string, string>>,
  { userId }: Pick<Sender, 'userId'>,
): string {
  const inputs = Object.entries(fields).map(
    ([block, value]) => [block, { [INPUT]: { type: 'plain_text_input', value } }] as const,
  );
  return interaction({
    type: 'view_submission',
    team: { id: TEAM, domain: 'bench' },
    user: { id: userId, username: 'kris', name: 'kris', team_id: TEAM },
    api_app_id: 'A0BENCH',
    token: 'deprecated',
    trigger_id: TRIGGER,
    view: {
      id: 'V0BENCH',
      team_id: TEAM,
      type: 'modal',
      blocks: MESSAGE.blocks,
      private_metadata: privateMetadata,
      callback_id: VIEW.resolution,
      state: { values: Object.fromEntries(inputs) },
      hash: '1.1',
      title: plain('Mark completed'),
      submit: plain('Save'),
      close: plain('Cancel'),
      root_view_id: 'V0BENCH',
      app_id: 'A0BENCH',
      bot_id: 'B0BOT',
    },
    response_urls: [],
    is_enterprise_install: false,
    enterprise: null,
  });
}

export const FORM_FIELDS = { code: BLOCK.code, note: BLOCK.note } as const;

function interaction(payload: unknown): string {
  return new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
}

function plain(text: string): Readonly<Record<string, unknown>> {
  return { type: 'plain_text', text, emoji: true };
}

/** About as long as an alert. */
const MESSAGE = {
  type: 'message',
  ts: '1.1',
  user: 'U0BOT',
  bot_id: 'B0BOT',
  text: 'A promotion hangs',
  blocks: Array.from({ length: 6 }, (_, index) => ({
    type: 'section',
    block_id: `block_${index}`,
    text: { type: 'mrkdwn', text: '`console_heroku_log_drain_alerting` on `raxx-console-prod`, deploying for 24 h.' },
  })),
};

const KEPT = new Agent({ keepAlive: true });

/** Sends a body, signed for this moment; resolves with the answer. @throws if it isn't a 200 */
export function post(url: string, made: string, agent: Agent = KEPT): Promise<string> {
  const body = withTrigger(made);
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers: signed(body) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`Answered with ${response.statusCode}: ${text}`));
      });
    });
    sending.once('error', reject);
    sending.end(body);
  });
}
