import { checkMessage, checkView } from '../../demo/slack/block-kit.js';
import * as alert from '../../src/views/alert.js';
import * as attention from '../../src/views/attention.js';
import * as attentionLines from '../../src/views/attention-lines.js';
import * as digest from '../../src/views/digest.js';
import * as evidence from '../../src/views/evidence.js';
import * as group from '../../src/views/group.js';
import * as headline from '../../src/views/headline.js';
import * as help from '../../src/views/help.js';
import * as home from '../../src/views/home.js';
import * as list from '../../src/views/list.js';
import * as mark from '../../src/views/mark.js';
import * as operators from '../../src/views/operators.js';
import * as progress from '../../src/views/progress.js';
import * as rca from '../../src/views/rca.js';
import * as debt from '../../src/views/rca-debt.js';
import * as drafted from '../../src/views/rca-drafted.js';
import * as resolution from '../../src/views/resolution.js';
import * as route from '../../src/views/route.js';
import * as stats from '../../src/views/stats.js';
import * as transition from '../../src/views/transition.js';
import * as unfurl from '../../src/views/unfurl.js';
import { BLANK, HOSTILE, URLS } from './hostile.js';
import { BUILDERS, type Payload, payloadsOf } from './payloads.js';

/** Every payload that the app can send, against Slack's published limits. */

const ORDINARY = 'https://docs.example.com/rca/2026-05-11';

function problemsOf(payload: Payload): readonly unknown[] {
  switch (payload.kind) {
    case 'message':
      return checkMessage({ channel: 'C0123456789', ...payload.message });
    case 'view':
      return checkView(payload.view);
    case 'errors':
      return Object.values(payload.errors).filter((words) => words === '' || words.length > 2_000);
  }
}

/** Problems by builder, each once: a long list would hide what is wrong. */
function problems(facts: { text: string; url: string }): string[] {
  const found = payloadsOf(facts).flatMap(({ name, payload }) =>
    problemsOf(payload).map((problem) => `${name}: ${JSON.stringify(problem)}`),
  );
  return [...new Set(found)].slice(0, 10);
}

test('every exported builder is looked at', () => {
  const exported = [
    alert,
    attention,
    attentionLines,
    debt,
    digest,
    drafted,
    evidence,
    group,
    headline,
    help,
    home,
    list,
    mark,
    operators,
    progress,
    rca,
    resolution,
    route,
    stats,
    transition,
    unfurl,
  ].flatMap((module) => Object.entries(module).flatMap(([name, value]) => (typeof value === 'function' ? [name] : [])));
  expect(exported.filter((name) => !(name in BUILDERS))).toEqual([]);
  for (const build of Object.values(BUILDERS)) expect(build({ text: 'x', url: ORDINARY }).length).toBeGreaterThan(0);
});

test('the checker finds what is wrong', () => {
  const long = { type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3_001) } };
  expect(checkMessage({ channel: 'C0123456789', text: 'x', blocks: [long] })).not.toEqual([]);
});

test('ordinary facts make nothing that Slack refuses', () => {
  expect(problems({ text: 'console_heroku_log_drain_alerting', url: ORDINARY })).toEqual([]);
});

test.each([...HOSTILE, ...BLANK])('%s everywhere makes nothing that Slack refuses', (_, text) => {
  expect(problems({ text, url: ORDINARY })).toEqual([]);
});

test.each(URLS)('an RCA’s address of %s makes nothing that Slack refuses', (_, url) => {
  expect(problems({ text: '&'.repeat(10_000), url })).toEqual([]);
});

test.each([
  ['another scheme', 'javascript:alert(1)'],
  ['no address', 'see the wiki'],
  ['nothing', ''],
  ['10,000 characters', 'https://docs.example.com/'.padEnd(10_000, 'a')],
  ['a call to the channel', '<!channel>'],
])('what another system wrote into rca_url holds up no alert: %s', (_, url) => {
  expect(problems({ text: 'flag', url })).toEqual([]);
});
