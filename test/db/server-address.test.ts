import { readDatabaseConfig } from '../../src/config.js';
import { AddressError, parseAddress, withDefaults } from '../../src/db/server/address.js';

const NOTHING = {
  user: undefined,
  password: undefined,
  host: undefined,
  port: undefined,
  database: undefined,
};
const pickPlace = (url: string) => {
  const { user, password, host, port, database } = parseAddress(url);
  return { user, password, host, port, database };
};

describe('the URL of a server', () => {
  test.each([
    ['postgres://', {}],
    ['postgres:///name', { database: 'name' }],
    ['POSTGRES://HOST/name', { host: 'HOST', database: 'name' }],
    [' postgres://host/name\n', { host: 'host', database: 'name' }],
    ['postgres://u:p@host:6000/name', { user: 'u', password: 'p', host: 'host', port: 6000, database: 'name' }],
    ['postgresql://u@/name?host=/run/pg', { user: 'u', host: '/run/pg', database: 'name' }],
    [
      'postgres://u:p@:6000/name?host=/run/pg',
      { user: 'u', password: 'p', host: '/run/pg', port: 6000, database: 'name' },
    ],
    ['postgres://u@%2Frun%2Fpg/name', { user: 'u', host: '/run/pg', database: 'name' }],
    ['postgres://u@%2Frun%2Fpg:6000/name', { user: 'u', host: '/run/pg', port: 6000, database: 'name' }],
    ['postgres://u@[::1]/name', { user: 'u', host: '::1', database: 'name' }],
    ['postgres://[fe80::1%25eth0]:6000/name', { host: 'fe80::1%eth0', port: 6000, database: 'name' }],
    [
      'postgres://host/?dbname=name&user=u&password=p&port=6000',
      { user: 'u', password: 'p', host: 'host', port: 6000, database: 'name' },
    ],
    // Passwords as people paste them: a colon, an at sign, a percent sign that encodes nothing.
    ['postgres://u:a:b@c%zz%3F@host/name', { user: 'u', password: 'a:b@c%zz?', host: 'host', database: 'name' }],
    ['postgres://host/name?password=a+b%2Bc%20d?e', { password: 'a+b+c d?e', host: 'host', database: 'name' }],
    ['postgres://u%40corp@host/na%20me', { user: 'u@corp', host: 'host', database: 'na me' }],
  ])('%j', (url, place) => {
    expect(pickPlace(url)).toEqual({ ...NOTHING, ...place });
  });

  test.each([
    ['postgres://u:pa/ss@host/name', 'If its user or password has one of'],
    ['postgres://u:pa#ss@host/name', 'If its user or password has one of'],
    ['postgres://u:p%FF@host/name', 'If its user or password has one of'],
    ['postgres://a:1,b:2/name', 'must name one host'],
    ['postgres:///name?host=a,b', 'must name one host'],
    ['postgres://host:65536/name', 'must have a port from 1 to 65535'],
    ['postgres://host/name?port=x', 'must have a port from 1 to 65535'],
    ['postgres://host/name?sslmode=verify_full', 'must have one of these as its sslmode'],
    ['postgres://host/name?ssl=yes', 'must have one of these as its sslmode'],
    ['postgres://?service=prod', 'must not have service (write its host, database and user into the URL)'],
    ['postgres://u@/name?hostaddr=192.0.2.1', 'must not have hostaddr (write the address as the host)'],
    [
      'postgres://host/name?schema=console&sslcrl=/crl',
      'must not have schema (set CONSOLE_TABLE to schema.table), sslcrl',
    ],
  ])('%s is refused in words that hold none of it', (url, words) => {
    expect(() => parseAddress(url)).toThrow(AddressError);
    expect(() => parseAddress(url)).toThrow(words);
    expect(() => readDatabaseConfig({ DATABASE_URL: url })).toThrow(words);
    expect(() => readDatabaseConfig({ DATABASE_URL: 'embedded', DATABASE_DIRECT_URL: url })).toThrow(words);
    expect(() => parseAddress(url)).not.toThrow('ss@');
  });

  test.each([
    ['', 'disable'],
    ['?sslmode=require', 'require'],
    ['?ssl=true', 'verify-full'],
    ['?ssl=1', 'verify-full'],
    ['?ssl=0', 'disable'],
    ['?ssl=no-verify', 'no-verify'],
    ['?ssl=true&sslmode=require', 'require'],
  ])('%j wants TLS like %s', (query, mode) => {
    expect(parseAddress(`postgres://host/name${query}`).tls.mode).toBe(mode);
  });
});

describe('PGSSLMODE and its files, and PGOPTIONS', () => {
  const defaults = {
    options: undefined,
    sslmode: 'require',
    sslrootcert: '/c a.pem',
    sslcert: undefined,
    sslkey: undefined,
  };

  test('stand in for what the URL leaves open, and for that alone', () => {
    const tlsOf = (url: string) => parseAddress(withDefaults(url, defaults)).tls;
    expect(tlsOf('postgres://u:p%3F@host/name')).toMatchObject({ mode: 'require', rootFile: '/c a.pem' });
    expect(tlsOf('postgres://host/name?sslmode=disable&sslrootcert=/b')).toMatchObject({
      mode: 'disable',
      rootFile: '/b',
    });
    expect(tlsOf('postgres://host/name?ssl=true')).toMatchObject({ mode: 'verify-full', rootFile: '/c a.pem' });
    expect(parseAddress(withDefaults('postgres://u:p%3F@host/name', defaults)).password).toBe('p?');
    const written = 'postgres://host/name?password=a+b%2Bc%20d?e';
    expect(parseAddress(withDefaults(written, defaults)).password).toBe('a+b+c d?e');
  });

  test('are read from the environment, for both URLs', () => {
    const environment = {
      DATABASE_URL: 'postgres://u:p@/name?host=/run/pg',
      DATABASE_DIRECT_URL: 'postgres://host/name?application_name=mine',
      PGSSLMODE: 'verify-ca',
      PGSSLROOTCERT: '/ca.pem',
    };
    const { database } = readDatabaseConfig(environment);
    if (database.kind !== 'server') throw new Error('It is a server.');
    expect(parseAddress(database.url)).toMatchObject({
      host: '/run/pg',
      tls: { mode: 'verify-ca', rootFile: '/ca.pem' },
    });
    expect(parseAddress(database.directUrl ?? '')).toMatchObject({
      applicationName: 'mine',
      tls: { mode: 'verify-ca', rootFile: '/ca.pem' },
    });
    expect(readDatabaseConfig({ DATABASE_URL: 'postgres://host/name' }).database).toEqual({
      kind: 'server',
      url: 'postgres://host/name',
      directUrl: null,
    });
  });

  test('PGOPTIONS holds if the URL has no options', () => {
    const optionsOf = (url: string) => {
      const { database } = readDatabaseConfig({ DATABASE_URL: url, PGOPTIONS: '-c search_path=console -c jit=off' });
      return database.kind === 'server' ? parseAddress(database.url).options : null;
    };
    expect(optionsOf('postgres://host/name')).toBe('-c search_path=console -c jit=off');
    expect(optionsOf('postgres://host/name?options=-c%20jit%3Don')).toBe('-c jit=on');
  });

  test('a parameter that only tunes a connection, or is another client’s, is ignored', () => {
    const url = 'postgres://host/name?connect_timeout=10&channel_binding=require&pgbouncer=true';
    expect(pickPlace(url)).toMatchObject({ host: 'host', database: 'name' });
  });

  test('a mode that there isn’t is refused', () => {
    expect(() => readDatabaseConfig({ DATABASE_URL: 'embedded', PGSSLMODE: 'on' })).toThrow(
      'PGSSLMODE must be one of disable, allow, prefer, require, verify-ca, verify-full, no-verify',
    );
  });
});
