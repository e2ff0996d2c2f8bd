import { isResponseUrl } from '../../src/slack/response-url.js';

const usual = isResponseUrl('https://slack.com/api/');

test.each([
  'https://hooks.slack.com/actions/T1/1/abc',
  'https://hooks.slack.com:443/commands/1',
  'https://slack.com/x',
])('answers go to %s', (address) => expect(usual(address)).toBe(true));

test.each([
  'http://hooks.slack.com/actions/T1',
  'https://hooks.slack.com:8443/actions',
  'https://hooks.slack.com.evil.example/actions',
  'https://hooks.slack.com@evil.example/actions',
  'https://evil.example/hooks.slack.com',
  'https://xhooks.slack.com/actions',
  'https://hooks.slack.com\u3002evil.example/',
  'http://169.254.169.254/latest/meta-data/',
  'http://127.0.0.1:5432/',
  'http://localhost/healthz',
  'file:///etc/passwd',
  'data:,x',
  '//hooks.slack.com/actions',
  'hooks.slack.com/actions',
  '',
])('none go to %s', (address) => expect(usual(address)).toBe(false));

test('if Slack is a stand-in, answers go to it, and to nothing beside it', () => {
  const local = isResponseUrl('http://127.0.0.1:4000/api/');
  expect(local('http://127.0.0.1:4000/response/1')).toBe(true);
  expect(local('http://127.0.0.1:4001/response/1')).toBe(false);
  expect(local('https://127.0.0.1:4000/response/1')).toBe(false);
});
