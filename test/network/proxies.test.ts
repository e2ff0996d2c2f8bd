import { type Proxies, parseExemptions, parseProxy, routeTo, shownProxy } from '../../src/network/proxies.js';

const secure = parseProxy('HTTPS_PROXY', 'http://user:canary@proxy.example.com:3128');
const plain = parseProxy('HTTP_PROXY', 'http://other.example.com');
const proxies = (noProxy = ''): Proxies => ({ https: secure, http: plain, exemptions: parseExemptions(noProxy) });
const through = (address: string, noProxy?: string) => {
  const route = routeTo(proxies(noProxy), new URL(address));
  return route.kind === 'proxy' ? route.proxy.setting : route.kind === 'exempt' ? route.entry : route.because;
};

test.each([
  ['https://slack.com/api/', 'HTTPS_PROXY'],
  ['wss://wss-primary.slack.com/link', 'HTTPS_PROXY'],
  ['http://monitor.example.com/ping', 'HTTP_PROXY'],
  ['ws://slack.com/', 'HTTP_PROXY'],
  ['http://localhost:3000', 'this_machine'],
  ['https://LOCALHOST', 'this_machine'],
  ['http://app.localhost', 'this_machine'],
  ['http://127.3.2.1:80', 'this_machine'],
  ['http://[::1]:80', 'this_machine'],
  ['http://127.0.0.1.example.com', 'HTTP_PROXY'],
])('%s is reached by %s', (address, expected) => {
  expect(through(address)).toBe(expected);
});

test('without a proxy for its protocol an address is reached directly', () => {
  const none: Proxies = { https: null, http: plain, exemptions: [] };
  expect(routeTo(none, new URL('https://slack.com'))).toEqual({ kind: 'direct', because: 'no_proxy_is_set' });
});

test.each([
  ['*', 'https://slack.com', '*'],
  ['a.example.com,*', 'https://slack.com', '*'],
  ['slack.com', 'https://slack.com', 'slack.com'],
  ['slack.com', 'https://files.slack.com', 'slack.com'],
  ['slack.com', 'https://notslack.com', 'HTTPS_PROXY'],
  ['slack.com', 'https://slack.com.example.com', 'HTTPS_PROXY'],
  ['.slack.com', 'https://slack.com', '.slack.com'],
  ['.slack.com', 'https://files.slack.com', '.slack.com'],
  ['*.slack.com', 'https://a.b.slack.com', '*.slack.com'],
  ['SLACK.com.', 'https://Slack.COM.', 'SLACK.com.'],
  ['slack.com:443', 'https://slack.com', 'slack.com:443'],
  ['slack.com:443', 'https://slack.com:8443', 'HTTPS_PROXY'],
  ['slack.com:80', 'http://slack.com', 'slack.com:80'],
  ['a.example.com, b.example.com', 'https://b.example.com', 'b.example.com'],
  ['a.example.com b.example.com', 'https://b.example.com', 'b.example.com'],
  [',, ,', 'https://slack.com', 'HTTPS_PROXY'],
  ['10.0.0.5', 'https://10.0.0.5', '10.0.0.5'],
  ['10.0.0.0/8', 'https://10.0.0.5', '10.0.0.0/8'],
  ['10.0.0.0/8', 'https://11.0.0.5', 'HTTPS_PROXY'],
  ['10.0.0.0/8', 'https://slack.com', 'HTTPS_PROXY'],
  ['10.0.0.0/8', 'https://[::ffff:10.0.0.5]', '10.0.0.0/8'],
  ['10.0.0.5/32', 'https://10.0.0.5', '10.0.0.5/32'],
  ['fd00::/8', 'https://[fd12::5]', 'fd00::/8'],
  ['[fd00::]/8', 'https://[fd12::5]:8443', '[fd00::]/8'],
  ['fd00::/8', 'https://[fe80::5]', 'HTTPS_PROXY'],
  ['FD00:0:0::5', 'https://[fd00::5]', 'FD00:0:0::5'],
  ['bücher.example', 'https://www.bücher.example', 'bücher.example'],
  ['my_host.example', 'https://my_host.example', 'my_host.example'],
  ['fd00::5', 'https://[fd00::5]', 'fd00::5'],
  ['[fd00::5]', 'https://[fd00::5]', '[fd00::5]'],
  ['[fd00::5]:8443', 'https://[fd00::5]:8443', '[fd00::5]:8443'],
  ['[fd00::5]:8443', 'https://[fd00::5]', 'HTTPS_PROXY'],
])('NO_PROXY=%s: %s is reached by %s', (noProxy, address, expected) => {
  expect(through(address, noProxy)).toBe(expected);
});

test.each([
  ...['https://slack.com', 'slack.com/', 'a;b', 'foo*.com', 'slack.com:99999', 'name:pass@proxy', '192.168.', 'a..b'],
  ...['10.0.0.0/33', 'fd00::/129', '10.0.0/8', 'slack.com/8', '10.0.0.0/8:80', '10.0.0.0/', '[fd00::5', '*:x', '?'],
])('NO_PROXY=%s matches nothing', (entry) => {
  expect(parseExemptions(entry)).toEqual([{ kind: 'nothing', entry }]);
});

test.each([
  ['http://proxy.example.com:3128', 'http://proxy.example.com:3128', null],
  ['proxy.example.com:3128', 'http://proxy.example.com:3128', null],
  ['proxy.example.com', 'http://proxy.example.com:80', null],
  ['https://proxy.example.com', 'https://proxy.example.com:443', null],
  ['http://[::1]:3128/', 'http://[::1]:3128', null],
  ['http://user@proxy.example.com', 'http://proxy.example.com:80', 'user:'],
  ['http://d%C3%B6:p%40%3A@proxy.example.com', 'http://proxy.example.com:80', 'dö:p@:'],
])('the proxy %s is %s', (text, shown, credentials) => {
  const proxy = parseProxy('HTTPS_PROXY', text);
  expect(proxy === null ? null : shownProxy(proxy)).toBe(shown);
  const authorization = proxy?.authorization ?? null;
  const said = authorization === null ? null : Buffer.from(authorization.replace('Basic ', ''), 'base64').toString();
  expect(said).toBe(credentials);
});
