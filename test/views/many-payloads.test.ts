import { checkMessage } from '../../demo/slack/block-kit.js';
import * as alert from '../../src/views/alert.js';
import * as attention from '../../src/views/attention.js';
import * as attentionLines from '../../src/views/attention-lines.js';
import * as completion from '../../src/views/completion.js';
import * as dashboard from '../../src/views/dashboard.js';
import * as digest from '../../src/views/digest.js';
import * as drill from '../../src/views/drill.js';
import * as drift from '../../src/views/drift.js';
import * as dynos from '../../src/views/dynos.js';
import * as evidence from '../../src/views/evidence.js';
import * as flagApps from '../../src/views/flag-apps.js';
import * as followUp from '../../src/views/follow-up.js';
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
import * as running from '../../src/views/running.js';
import * as stats from '../../src/views/stats.js';
import * as transition from '../../src/views/transition.js';
import * as unfurl from '../../src/views/unfurl.js';
import { BUILDERS, payloadsOf } from './payloads.js';
import { problems } from './problems.js';

/** Every payload that the app can send, against Slack's published limits; hostile.test.ts tries to break them. */

const ORDINARY = 'https://docs.example.com/rca/2026-05-11';

test('every exported builder is looked at', () => {
  const exported = [
    alert,
    attention,
    attentionLines,
    completion,
    dashboard,
    debt,
    digest,
    drafted,
    drill,
    drift,
    dynos,
    evidence,
    flagApps,
    followUp,
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
    running,
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
  const payloads = payloadsOf({ text: 'console_heroku_log_drain_alerting', url: ORDINARY });
  expect(problems(payloads)).toEqual([]);
});
