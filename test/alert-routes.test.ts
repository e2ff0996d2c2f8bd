import { parseAlertRoutes } from '../src/alert-routes.js';
import { ConfigError, readConfig } from '../src/config.js';

const QUIET = { from: 22 * 60, to: 7 * 60, timeZone: 'Europe/Berlin' };

describe('ALERT_ROUTES', () => {
  test.each([
    ['nothing', '', []],
    ['blanks and empty rules', ' ;\n; ', []],
    ['a channel', 'raxx-web=C0WEB', [{ app: 'raxx-web', channel: 'C0WEB', mention: undefined, quiet: null }]],
    [
      'all that a rule can say, and a rule for the rest',
      'raxx-console-*=C0123ABC,mention=<!subteam^S012>,quiet=22:00-07:00@Europe/Berlin; *=C0999',
      [
        { app: 'raxx-console-*', channel: 'C0123ABC', mention: '<!subteam^S012>', quiet: QUIET },
        { app: '*', channel: 'C0999', mention: undefined, quiet: null },
      ],
    ],
    [
      'lines, with blanks around everything',
      '\n  raxx-* = C0RAXX , quiet = 22:00-07:00@Europe/Berlin , mention = none \r\n shop=G0SHOP,mention=<@U0KRIS>\n',
      [
        { app: 'raxx-*', channel: 'C0RAXX', mention: null, quiet: QUIET },
        { app: 'shop', channel: 'G0SHOP', mention: '<@U0KRIS>', quiet: null },
      ],
    ],
  ])('takes %s', (_, text, rules) => {
    expect(parseAlertRoutes(text)).toEqual({ rules, faults: [] });
  });

  test.each([
    ['raxx-web', 'rule 1 must begin with a Heroku app'],
    ['=C0WEB', 'must begin with a Heroku app'],
    ['raxx web=C0WEB', 'must begin with a Heroku app'],
    ['raxx-web=#alerts', 'must name a channel by its id'],
    ['raxx-web=', 'must name a channel by its id'],
    ['a=C0A,mention=@kris', 'must have a mention as Slack writes it'],
    ['a=C0A,mention=', 'must have a mention as Slack writes it'],
    ['a=C0A,quiet', 'must have quiet hours such as'],
    ['a=C0A,loud=always', 'has something other than'],
    ['a=C0A,mention=none,mention=none', 'has mention twice'],
    ['a=C0A,quiet=22:00-07:00', 'must have quiet hours such as'],
    ['a=C0A,quiet=24:00-07:00@Europe/Berlin', 'must have quiet hours such as'],
    ['a=C0A,quiet=22:60-07:00@Europe/Berlin', 'must have quiet hours such as'],
    ['a=C0A,quiet=7:00-8:00@Europe/Berlin', 'must have quiet hours such as'],
    ['a=C0A,quiet=07:00-07:00@Europe/Berlin', 'with two different times'],
    ['a=C0A,quiet=22:00-07:00@Mars/Olympus', 'names an unknown time zone'],
    ['a=C0A,quiet=22:00-07:00@+02:00', 'names an unknown time zone'],
    ['*=C0A;raxx=C0B', 'rule 2 is never reached'],
  ])('%s is refused', (text, fault) => {
    expect(parseAlertRoutes(text).faults).toEqual([expect.stringContaining(fault)]);
  });

  test('has each fault named in the one message about the settings', () => {
    const environment = {
      DATABASE_URL: 'embedded',
      SLACK_BOT_TOKEN: 'xoxb-1',
      SLACK_SIGNING_SECRET: 's',
      SLACK_ALERT_CHANNEL: 'alerts',
      TOTP_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
      ALERT_ROUTES: 'a=alerts,loud=always; b=C0B,quiet=late',
    };
    const faults = () => {
      try {
        return readConfig(environment);
      } catch (error) {
        return error instanceof ConfigError ? error.faults : error;
      }
    };
    expect(faults()).toEqual([
      expect.stringMatching(/^SLACK_ALERT_CHANNEL /u),
      expect.stringMatching(/^ALERT_ROUTES rule 1 must name a channel/u),
      expect.stringMatching(/^ALERT_ROUTES rule 1 has something other than/u),
      expect.stringMatching(/^ALERT_ROUTES rule 2 must have quiet hours/u),
    ]);
  });
});
