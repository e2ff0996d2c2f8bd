import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import {
  ConfigError,
  type Environment,
  EX_CONFIG,
  readConfig,
  readDatabaseConfig,
  readOperatorsConfig,
  type Setting,
} from '../src/config.js';

const KEY = Buffer.alloc(32, 7).toString('base64');
const REQUIRED = {
  DATABASE_URL: 'postgres://u:p@db.example:5432/console',
  SLACK_BOT_TOKEN: 'xoxb-1-canary',
  SLACK_SIGNING_SECRET: 'signing-canary',
  SLACK_ALERT_CHANNEL: 'C0123456789',
  TOTP_ENCRYPTION_KEY: KEY,
} satisfies Environment;
const HOUR = 3_600_000;

function faultsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
const faults = (environment: Environment) => faultsOf(() => readConfig({ ...REQUIRED, ...environment }));

/** The defaults of the design and .env.example, with only the required settings. */
const DEFAULTS = {
  database: { kind: 'server', url: 'postgres://u:p@db.example:5432/console', directUrl: null },
  console: { table: null, stateMap: [] },
  logLevel: 'info',
  totpEncryptionKey: new Uint8Array(32).fill(7),
  formerTotpKeys: [],
  slack: {
    botToken: 'xoxb-1-canary',
    apiUrl: 'https://slack.com/api/',
    alertChannel: 'C0123456789',
    criticalMention: '<!here>',
    alertRoutes: [],
    transport: { kind: 'http', signingSecret: 'signing-canary' },
  },
  pager: { url: 'https://events.pagerduty.com/v2/enqueue', routingKey: null },
  webhook: null,
  heroku: null,
  thresholds: {
    noticeAfterMs: HOUR / 4,
    warningAfterMs: 12 * HOUR,
    criticalAfterMs: 24 * HOUR,
    repeatCriticalEveryMs: 24 * HOUR,
  },
  verifyWithinMs: 600_000,
  driftEveryMs: 3_600_000,
  individualAlertsPerHour: 10,
  broadcastCriticals: true,
  autoCommitLive: false,
  maintenanceCron: '* * * * *',
  digest: null,
  pruneAfterMs: 90 * 24 * HOUR,
  configVarPatterns: ['FLAG_*'],
  secondPersonApps: [],
  promoterLeaseMs: 20_000,
  databasePoolMax: 5,
  heartbeatUrl: null,
  rcaUrlHosts: [],
  publicUrl: null,
  proxies: { https: null, http: null, exemptions: [] },
  metricsToken: null,
  auditWitnessUrl: null,
  port: 3000,
};

function exampleSettings(): Record<string, string> {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const settings: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/^#?([A-Z_]+)=(.*)$/gmu)) {
    settings[name] = value.replace(/^"(.*)"$/u, '$1');
  }
  return settings;
}

describe('the configuration', () => {
  test('has the documented defaults', () => {
    expect(readConfig(REQUIRED)).toEqual(DEFAULTS);
  });

  test('takes an empty variable, and one of spaces, as unset', () => {
    for (const blank of ['', '   ']) {
      const names = Object.keys(exampleSettings()).filter((name) => !(name in REQUIRED));
      const environment = { ...Object.fromEntries(names.map((name) => [name, blank])), ...REQUIRED };
      expect(readConfig(environment)).toEqual(DEFAULTS);
    }
  });

  test('is what .env.example says, once the required settings are filled in', () => {
    expect(readConfig({ ...exampleSettings(), ...REQUIRED })).toEqual(DEFAULTS);
  });

  test('asks for what .env.example calls required, and no more', () => {
    const reported = faultsOf(() => readConfig(exampleSettings()));
    expect(reported.map((fault) => fault.split(' ')[0]).toSorted()).toEqual(Object.keys(REQUIRED).toSorted());
  });

  test('reads every setting', () => {
    const config = readConfig({
      ...REQUIRED,
      DATABASE_URL: 'embedded',
      DATABASE_DIRECT_URL: 'postgres://u:p@db.example/console',
      PGOPTIONS: '-c search_path=console',
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: '/etc/ca.pem',
      PGSSLCERT: '/etc/client.pem',
      PGSSLKEY: '/etc/client.key',
      DATA_DIR: '/var/lib/flag-promotions',
      LOG_LEVEL: 'debug',
      SLACK_API_URL: 'http://127.0.0.1:4000/api',
      SLACK_APP_TOKEN: 'xapp-1-canary',
      SLACK_CRITICAL_MENTION: '<!subteam^S0123456789>',
      ALERT_ROUTES: 'raxx-*=C0ABC,quiet=22:00-07:00@Europe/Berlin',
      HEROKU_API_KEY: 'heroku-canary',
      HEROKU_API_URL: 'http://127.0.0.1:5000',
      VERIFY_WITHIN: 'off',
      DRIFT_EVERY: '2h',
      STUCK_WARNING_AFTER: '90s',
      STUCK_CRITICAL_AFTER: '30m',
      CRITICAL_REPEAT_EVERY: '1.5d',
      ALERT_MESSAGES_PER_HOUR: '50',
      CRITICAL_BROADCAST: 'false',
      AUTO_COMMIT: 'live',
      MAINTENANCE_CRON: '*/5 * * * *',
      DIGEST_CRON: '0 9 * * 1 Europe/Berlin',
      PRUNE_AFTER: '30d',
      PROMOTER_LEASE: '15s',
      CONFIG_VAR_PATTERN: 'FLAG_*, FEATURE_*',
      SECOND_PERSON: '*-prod, billing',
      DATABASE_POOL_MAX: '8',
      CONSOLE_TABLE: ' "Console".promotions ',
      HEROKU_REQUESTS_PER_HOUR: '2500',
      NOTICE_AFTER: ' 45s ',
      STATE_MAP: 'IN_PROGRESS=deploying, done = Deployed',
      PAGERDUTY_ROUTING_KEY: ' pagerduty-canary-0123456789abcde ',
      PAGERDUTY_URL: 'https://events.eu.pagerduty.com',
      WEBHOOK_URL: 'https://hooks.example/flags',
      WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 1).toString('base64')}, whsec_${Buffer.alloc(32, 2).toString('base64')}`,
      HEARTBEAT_URL: 'https://hc.example/ping/1',
      RCA_URL_HOSTS: ' Docs.Example.com, wiki.example.org:8443 ,, ',
      PUBLIC_URL: 'https://Flags.example.com/',
      HTTPS_PROXY: 'http://user:p%40ss@proxy.example.com:3128',
      HTTP_PROXY: 'proxy.example.com:8080',
      NO_PROXY: 'localhost, .internal.example.com',
      METRICS_TOKEN: 'metrics-canary-0123456789',
      AUDIT_WITNESS_URL: 'https://witness.example.com/seals',
      PORT: '0',
    } satisfies Record<Setting, string>);
    expect(config).toEqual({
      ...DEFAULTS,
      database: { kind: 'embedded', dataDir: '/var/lib/flag-promotions' },
      console: {
        table: '"Console".promotions',
        stateMap: [
          { word: 'IN_PROGRESS', state: 'deploying' },
          { word: 'done', state: 'deployed' },
        ],
      },
      logLevel: 'debug',
      slack: {
        ...DEFAULTS.slack,
        apiUrl: 'http://127.0.0.1:4000/api/',
        criticalMention: '<!subteam^S0123456789>',
        alertRoutes: [
          {
            app: 'raxx-*',
            channel: 'C0ABC',
            mention: undefined,
            page: undefined,
            quiet: { from: 22 * 60, to: 7 * 60, timeZone: 'Europe/Berlin' },
          },
        ],
        transport: { kind: 'socket', appToken: 'xapp-1-canary' },
      },
      pager: {
        url: 'https://events.eu.pagerduty.com/v2/enqueue',
        routingKey: 'pagerduty-canary-0123456789abcde',
      },
      webhook: {
        url: 'https://hooks.example/flags',
        secrets: [new Uint8Array(24).fill(1), new Uint8Array(32).fill(2)],
      },
      heroku: { apiKey: 'heroku-canary', apiUrl: 'http://127.0.0.1:5000', requestsPerHour: 2500 },
      thresholds: {
        noticeAfterMs: 45_000,
        warningAfterMs: 90_000,
        criticalAfterMs: 1_800_000,
        repeatCriticalEveryMs: 36 * HOUR,
      },
      verifyWithinMs: null,
      driftEveryMs: 2 * HOUR,
      individualAlertsPerHour: 50,
      broadcastCriticals: false,
      autoCommitLive: true,
      maintenanceCron: '*/5 * * * *',
      digest: { cron: '0 9 * * 1', timeZone: 'Europe/Berlin' },
      pruneAfterMs: 30 * 24 * HOUR,
      promoterLeaseMs: 15_000,
      configVarPatterns: ['FLAG_*', 'FEATURE_*'],
      secondPersonApps: ['*-prod', 'billing'],
      databasePoolMax: 8,
      heartbeatUrl: 'https://hc.example/ping/1',
      rcaUrlHosts: ['docs.example.com', 'wiki.example.org:8443'],
      publicUrl: 'https://flags.example.com',
      proxies: {
        https: {
          setting: 'HTTPS_PROXY',
          isSecure: false,
          hostname: 'proxy.example.com',
          port: 3128,
          authorization: `Basic ${Buffer.from('user:p@ss').toString('base64')}`,
        },
        http: {
          setting: 'HTTP_PROXY',
          isSecure: false,
          hostname: 'proxy.example.com',
          port: 8080,
          authorization: null,
        },
        exemptions: [
          { kind: 'host', entry: 'localhost', host: 'localhost', port: null },
          { kind: 'host', entry: '.internal.example.com', host: 'internal.example.com', port: null },
        ],
      },
      metricsToken: 'metrics-canary-0123456789',
      auditWitnessUrl: 'https://witness.example.com/seals',
      port: 0,
    });
  });

  test('is frozen through and through', () => {
    const thawed: string[] = [];
    const look = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
      if (!Object.isFrozen(value)) thawed.push(path);
      for (const [name, inner] of Object.entries(value)) look(inner, `${path}.${name}`);
    };
    const routes = 'raxx-*=C0ABC,quiet=22:00-07:00@Europe/Berlin';
    const set = { HEROKU_API_KEY: 'k', ALERT_ROUTES: routes, STATE_MAP: 'done=deployed' };
    look(readConfig({ ...REQUIRED, ...set }), 'config');
    expect(thawed).toEqual([]);
  });

  test('of the database and of operators asks only for what they need', () => {
    const DATABASE_URL = 'embedded';
    const database = { kind: 'embedded', dataDir: '.data' };
    const console = { table: null, stateMap: [] };
    expect(readDatabaseConfig({ DATABASE_URL })).toEqual({ database, console, logLevel: 'info' });
    expect(readOperatorsConfig({ DATABASE_URL, TOTP_ENCRYPTION_KEY: KEY })).toEqual({
      database,
      console,
      logLevel: 'info',
      totpEncryptionKey: new Uint8Array(32).fill(7),
      formerTotpKeys: [],
    });
    const rotated = { DATABASE_URL, TOTP_ENCRYPTION_KEY: `${Buffer.alloc(32, 8).toString('base64')}, ${KEY}` };
    expect(readOperatorsConfig(rotated)).toMatchObject({
      totpEncryptionKey: new Uint8Array(32).fill(8),
      formerTotpKeys: [new Uint8Array(32).fill(7)],
    });
    expect(faultsOf(() => readDatabaseConfig({}))).toHaveLength(1);
    expect(faultsOf(() => readOperatorsConfig({}))).toHaveLength(2);
  });
});

describe('the database', () => {
  test('has to be chosen, and both choices are named', () => {
    for (const read of [readConfig, readDatabaseConfig, readOperatorsConfig]) {
      const reported = faultsOf(() => read({ ...REQUIRED, DATABASE_URL: ' ' }));
      expect(reported).toEqual([expect.stringMatching(/^DATABASE_URL is required: .*postgres:\/\/.*embedded/u)]);
    }
  });

  test('is not the embedded one in a dyno, also if other settings are at fault', () => {
    const dyno = { DATABASE_URL: 'embedded', DYNO: 'run.1234' };
    const refusal = expect.stringMatching(/^DATABASE_URL must not be embedded on Heroku.*addons:create/u);
    for (const read of [readConfig, readDatabaseConfig, readOperatorsConfig]) {
      expect(faultsOf(() => read({ ...REQUIRED, ...dyno }))).toEqual([refusal]);
    }
    expect(faults({ ...dyno, SLACK_BOT_TOKEN: '', STUCK_WARNING_AFTER: 'soon' })).toContainEqual(refusal);
    expect(faults({ DYNO: 'web.1' })).toEqual([]);
  });
});

describe('Slack’s transport', () => {
  test('is Socket Mode with an app token, and needs no signing secret then', () => {
    const { slack } = readConfig({ ...REQUIRED, SLACK_SIGNING_SECRET: '', SLACK_APP_TOKEN: 'xapp-1-a' });
    expect(slack.transport).toEqual({ kind: 'socket', appToken: 'xapp-1-a' });
  });

  test('with neither names both ways', () => {
    expect(faults({ SLACK_SIGNING_SECRET: '' })).toEqual([
      expect.stringMatching(/^SLACK_SIGNING_SECRET is required.*SLACK_APP_TOKEN/u),
    ]);
  });

  test('with a faulty app token says so, and does not ask for a signing secret as well', () => {
    expect(faults({ SLACK_SIGNING_SECRET: '', SLACK_APP_TOKEN: 'wrong' })).toEqual([
      expect.stringMatching(/^SLACK_APP_TOKEN /u),
    ]);
  });
});

describe('whom a critical pings', () => {
  test('is everyone who is here, unless it says otherwise', () => {
    const mention = (text: string) => readConfig({ ...REQUIRED, SLACK_CRITICAL_MENTION: text }).slack.criticalMention;
    expect(mention('')).toBe('<!here>');
    expect(mention('<@U0123456789>')).toBe('<@U0123456789>');
    expect(mention('none')).toBeNull();
  });

  test('is named with the switch, if it is wrong', () => {
    expect(faults({ SLACK_CRITICAL_MENTION: '@oncall' })).toEqual([expect.stringMatching(/<!here>.*or none$/u)]);
  });
});

describe('the app’s own address', () => {
  test.each([
    'https://flags.example.com',
    'https://flags.example.com:8443',
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'https://tools.example.com/flag-promotions',
    'https://tools.example.com/a/b.c_d~e',
  ])('can be %s', (address) => {
    expect(readConfig({ ...REQUIRED, PUBLIC_URL: address }).publicUrl).toBe(address);
  });

  test.each([
    'http://flags.example.com',
    'https://flags.example.com/a//b',
    'https://flags.example.com/a%20b',
    'https://flags.example.com/<b>',
    'https://flags.example.com/a#b',
    'https://flags.example.com/?a=b',
    'https://user:pw@flags.example.com',
    'flags.example.com',
    'javascript:alert(1)',
  ])('cannot be %s', (address) => {
    expect(faults({ PUBLIC_URL: address })).toEqual([expect.stringMatching(/^PUBLIC_URL must be an https address/u)]);
  });
});

describe('a proxy', () => {
  const proxies = (environment: Record<string, string>) => readConfig({ ...REQUIRED, ...environment }).proxies;

  test('is known by the lower-case name too, which wins; an empty one is none', () => {
    const both = proxies({
      https_proxy: 'http://lower:1',
      HTTPS_PROXY: 'http://upper:2',
      http_proxy: 'http://plain:3',
    });
    expect([both.https?.hostname, both.http?.hostname]).toEqual(['lower', 'plain']);
    expect(proxies({ https_proxy: ' ', HTTPS_PROXY: 'http://upper:2' }).https?.hostname).toBe('upper');
    expect(proxies({ no_proxy: 'a', NO_PROXY: 'b' }).exemptions).toEqual([
      { kind: 'host', entry: 'a', host: 'a', port: null },
    ]);
  });

  test.each([
    'socks5://proxy:1080',
    'http://',
    'http://canary:%zz@proxy:1',
    'http://canary@proxy:1/path',
    'http://a:can/ary@proxy:1',
    'http://a:can#ary@proxy:1',
    'a b',
  ])('cannot be %s, and no fault quotes it', (address) => {
    for (const name of ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY']) {
      const [fault, ...others] = faults({ [name]: address });
      expect(others).toEqual([]);
      expect(fault).toMatch(/^HTTPS?_PROXY must be the address of an http or https proxy/u);
      expect(fault).toContain('write %23 %2F %5C');
      expect(fault).not.toContain('canary');
    }
  });
});

describe('a faulty configuration', () => {
  test('has the exit code of sysexits.h for it', () => {
    expect(EX_CONFIG).toBe(78);
  });

  test('names every fault at once, and where help is', () => {
    const environment = {
      DATABASE_URL: 'mysql://db',
      LOG_LEVEL: 'loud',
      SLACK_BOT_TOKEN: '',
      SLACK_API_URL: 'slack.com',
      SLACK_ALERT_CHANNEL: '#alerts',
      SLACK_CRITICAL_MENTION: '@oncall',
      HEROKU_API_URL: 'ftp://heroku',
      TOTP_ENCRYPTION_KEY: 'short',
      STUCK_WARNING_AFTER: 'soon',
      CRITICAL_REPEAT_EVERY: '0s',
      ALERT_MESSAGES_PER_HOUR: 'few',
      CRITICAL_BROADCAST: 'maybe',
      AUTO_COMMIT: 'true',
      MAINTENANCE_CRON: 'whenever',
      HEARTBEAT_URL: 'hc.example',
      RCA_URL_HOSTS: 'https://docs.example.com',
      PUBLIC_URL: 'http://flags.example.com',
      HTTPS_PROXY: 'socks5://proxy.example.com:1080',
      HTTP_PROXY: 'ftp://proxy.example.com',
      PORT: 'http',
    };
    const reported = faultsOf(() => readConfig(environment));
    const names = reported.map((fault) => fault.split(' ')[0]);
    expect(names.toSorted()).toEqual([...Object.keys(environment), 'SLACK_SIGNING_SECRET'].toSorted());
    expect(() => readConfig(environment)).toThrow(/^21 settings need your attention:\n {2}- /u);
    expect(() => readConfig(environment)).toThrow(/\.env\.example.*npm run demo$/u);
  });

  test.each([
    'SLACK_API_URL',
    'HEROKU_API_URL',
    'PAGERDUTY_URL',
    'WEBHOOK_URL',
    'HEARTBEAT_URL',
    'AUDIT_WITNESS_URL',
    'PUBLIC_URL',
  ])('%s takes no name or password, and the refusal shows neither', (name) => {
    for (const userinfo of ['user:canary', 'canary', ':canary']) {
      const reported = faults({ WEBHOOK_SECRET: `whsec_${KEY}`, [name]: `https://${userinfo}@host.example/path` });
      expect(reported).toEqual([expect.stringMatching(new RegExp(`^${name} must `, 'u'))]);
      expect(reported.join()).not.toContain('canary');
    }
  });

  test('names thresholds in the wrong order even if something else is missing', () => {
    const NOTICE = 'NOTICE_AFTER must be shorter than STUCK_WARNING_AFTER, or off';
    expect(faults({ NOTICE_AFTER: '12h' })).toEqual([NOTICE]);
    expect(faults({ NOTICE_AFTER: '11h' })).toEqual([]);
    const noticeAfterMs = (environment: Environment) =>
      readConfig({ ...REQUIRED, ...environment }).thresholds.noticeAfterMs;
    expect(noticeAfterMs({ NOTICE_AFTER: ' Off ' })).toBeNull();
    // An unset NOTICE_AFTER doesn't get in the way of a short STUCK_WARNING_AFTER.
    expect(noticeAfterMs({ STUCK_WARNING_AFTER: '10m' })).toBeNull();
    expect(noticeAfterMs({ STUCK_WARNING_AFTER: '20m' })).toBe(HOUR / 4);
    const wrongOrder = { STUCK_WARNING_AFTER: '24h', STUCK_CRITICAL_AFTER: '12h' };
    expect(faults(wrongOrder)).toEqual(['STUCK_CRITICAL_AFTER must be longer than STUCK_WARNING_AFTER']);
    expect(faults({ ...wrongOrder, SLACK_BOT_TOKEN: '' })).toEqual([
      expect.stringMatching(/^SLACK_BOT_TOKEN is required/u),
      'STUCK_CRITICAL_AFTER must be longer than STUCK_WARNING_AFTER',
    ]);
  });

  test('with a single fault says so', () => {
    expect(() => readConfig({ ...REQUIRED, PORT: 'x' })).toThrow(
      /^One setting needs your attention:\n {2}- PORT must be a port number\n/u,
    );
  });

  test.each([
    ['DRIFT_EVERY', ['0', 'hourly']],
    ['VERIFY_WITHIN', ['0', 'on', 'never', '10']],
    ['STUCK_WARNING_AFTER', ['0h', '-1h', '12', 'h', '1 fortnight', '12h30m', 'NaN', 'Infinity', '1e3h']],
    ['STUCK_CRITICAL_AFTER', ['12h', '1h']],
    ['NOTICE_AFTER', ['never', '0m', '-1h', '15', '400d']],
    ['HEROKU_REQUESTS_PER_HOUR', ['0', '-1', 'many', '1.5', '100001']],
    ['CRITICAL_REPEAT_EVERY', ['0', '0s', 'daily', '9999999999d']],
    ['ALERT_MESSAGES_PER_HOUR', ['0', '-1', '51', '1.5', 'ten']],
    ['CRITICAL_BROADCAST', ['1', 'yes', 'TRUE']],
    ['CONSOLE_TABLE', ['a.b.c', 'a b', '.promotions', 'x;y', '"', 'a.""', '1st']],
    ['AUTO_COMMIT', ['on', 'true', 'LIVE', 'all']],
    ['MAINTENANCE_CRON', ['* * * * * * *', '61 * * * *', 'every minute']],
    ['PORT', ['-1', '65536', '80.5', '-1.5', 'abc', 'Infinity']],
    ['LOG_LEVEL', ['INFO', 'verbose']],
    ['SLACK_BOT_TOKEN', ['xoxp-1-a', 'xoxb-', 'xoxb-1 2', 'xoxb-1\n']],
    ['SLACK_APP_TOKEN', ['xoxb-1-a', 'xapp-']],
    ['SLACK_ALERT_CHANNEL', ['alerts', '#alerts', 'c0123456789', 'D0123456789', 'C']],
    ['SLACK_CRITICAL_MENTION', ['@here', '<!here', '<!everyone_else>', '<@U1> and <@U2>', 'x <!here>']],
    ['TOTP_ENCRYPTION_KEY', ['a', KEY.slice(4), `${KEY}AAAA`, 'ü'.repeat(44), `${KEY.slice(0, -2)}!=`]],
    ['DATABASE_URL', ['localhost:5432', 'http://db']],
    ['SLACK_API_URL', ['slack', 'file:///slack']],
    ['HEROKU_API_URL', ['heroku']],
    ['HEARTBEAT_URL', ['hc.example/ping', 'javascript:1']],
    [
      'RCA_URL_HOSTS',
      ['https://a.example', 'a.example/rca', '*.example', 'a..example', 'a.example:', 'a.example:x', 'a.example:0'],
    ],
  ])('%s refuses what it is not, in one sentence of its own', (name, values) => {
    for (const value of values) {
      expect({ value, faults: faults({ [name]: value }) }).toEqual({
        value,
        faults: [expect.stringMatching(new RegExp(`^${name} (?:must be|is required)`, 'u'))],
      });
    }
  });

  test.each(['1ms', '90s', '30m', '12h', '1d', '1.5h', '12 h', ' 12h'])('%j is a duration', (text) => {
    expect(faults({ CRITICAL_REPEAT_EVERY: text })).toEqual([]);
  });

  test('shows none of the values, which may be secrets', () => {
    const secret = 'hunter2-canary';
    const names = Object.keys(exampleSettings());
    try {
      readConfig(Object.fromEntries(names.map((name) => [name, secret])));
      throw new Error('It was accepted.');
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    }
  });

  test.each([
    ['0 9 * * 1', { cron: '0 9 * * 1', timeZone: 'UTC' }],
    ['0 9 * * 1 Europe/Berlin', { cron: '0 9 * * 1', timeZone: 'Europe/Berlin' }],
    ['0 9 * * MON America/Argentina/Buenos_Aires', { cron: '0 9 * * MON', timeZone: 'America/Argentina/Buenos_Aires' }],
    ['', null],
  ])('DIGEST_CRON=%s', (text, digest) => {
    expect(readConfig({ ...REQUIRED, DIGEST_CRON: text }).digest).toEqual(digest);
  });

  test.each([
    ['every monday', 'must be a cron expression'],
    ['0 9 * * 1 Mars/Olympus', 'names an unknown time zone: Mars/Olympus'],
  ])('DIGEST_CRON=%s is refused', (text, words) => {
    expect(() => readConfig({ ...REQUIRED, DIGEST_CRON: text })).toThrow(words);
  });
});
