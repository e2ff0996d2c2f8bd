import { performance } from 'node:perf_hooks';
import { checkRcaUrl, firstUrlIn, linkableRcaUrl, RCA_URL_MAX_LENGTH } from '../../src/promotions/rca-url.js';

const HOSTS = ['docs.example.com', 'wiki.example.org:8443'];
const accepted = (text: string, hosts: readonly string[] = []) => {
  const checked = checkRcaUrl(text, hosts);
  return checked.ok ? checked.url : `refused: ${checked.fault}`;
};

describe('the address of an RCA', () => {
  test.each([
    ['https://docs.example.com/rca/1', 'https://docs.example.com/rca/1'],
    ['  https://docs.example.com/rca/1\n', 'https://docs.example.com/rca/1'],
    ['HTTPS://DOCS.EXAMPLE.COM/RCA', 'https://docs.example.com/RCA'],
    ['https://docs.example.com', 'https://docs.example.com/'],
    ['https://docs.example.com:8443/rca', 'https://docs.example.com:8443/rca'],
    ['https://docs.example.com/a/../b', 'https://docs.example.com/b'],
    ['https://docs.example.com/rca?a=1&b=2#c', 'https://docs.example.com/rca?a=1&b=2#c'],
    ['https://bücher.example/rca', 'https://xn--bcher-kva.example/rca'],
    ['https://docs.example.com/naïve', 'https://docs.example.com/na%C3%AFve'],
    ['https://docs.example.com/\u202Ecod.exe', 'https://docs.example.com/%E2%80%AEcod.exe'],
    ['https:\\\\docs.example.com\\rca', 'https://docs.example.com/rca'],
    ['https://[2001:db8::1]/rca', 'https://[2001:db8::1]/rca'],
  ])('%j is accepted in its normal form', (text, url) => {
    expect(accepted(text)).toBe(url);
  });

  test.each([
    ['', 'not_a_url'],
    ['   ', 'not_a_url'],
    ['docs.example.com/rca', 'not_a_url'],
    ['//docs.example.com/rca', 'not_a_url'],
    ['https://', 'not_a_url'],
    ['https://exa mple.com', 'not_a_url'],
    ['https://docs.example.com/a b', 'not_a_url'],
    ['https://docs.example.com/a\tb', 'not_a_url'],
    ['https://docs.example.com/a\nb', 'not_a_url'],
    ['https://docs.example.com/a\u2028b', 'not_a_url'],
    ['https://docs.example.com/<!channel>', 'not_a_url'],
    ['https://docs.example.com/|label', 'not_a_url'],
    ['<https://docs.example.com/>', 'not_a_url'],
    ['https://docs.example.com:99999/', 'not_a_url'],
    ['https://[::1', 'not_a_url'],
    ['http://docs.example.com/rca', 'not_https'],
    ['ftp://docs.example.com/rca', 'not_https'],
    ['javascript:alert(1)', 'not_https'],
    ['data:text/html,hello', 'not_https'],
    ['file:///etc/passwd', 'not_https'],
    ['mailto:a@example.com', 'not_https'],
    ['slack://user?team=T1', 'not_https'],
    ['https://user@docs.example.com/', 'has_credentials'],
    ['https://:secret@docs.example.com/', 'has_credentials'],
    ['https://docs.example.com@evil.example/', 'has_credentials'],
    ['https://docs.example.com%40evil.example@evil.example/', 'has_credentials'],
  ])('%j is refused: %s', (text, fault) => {
    expect(checkRcaUrl(text, [])).toEqual({ ok: false, fault });
  });

  test('2,048 characters are accepted, and one more is not', () => {
    const ofLength = (length: number) => 'https://docs.example.com/'.padEnd(length, 'a');
    expect(accepted(ofLength(RCA_URL_MAX_LENGTH))).toHaveLength(2_048);
    expect(accepted(ofLength(2_049))).toBe('refused: too_long');
    expect(accepted(ofLength(1_000_000))).toBe('refused: too_long');
    expect(accepted('x'.repeat(2_049))).toBe('refused: too_long');
  });

  test('the length is that of what will be stored, not of what was typed', () => {
    expect(accepted(`https://docs.example.com/${'ü'.repeat(500)}`)).toBe('refused: too_long');
  });

  test.each([
    ['https://docs.example.com/rca', true],
    ['https://DOCS.example.COM/rca', true],
    ['https://docs.example.com./rca', true],
    ['https://team.docs.example.com/rca', true],
    ['https://a.b.docs.example.com/rca', true],
    ['https://wiki.example.org:8443/rca', true],
    ['https://a.wiki.example.org:8443/rca', true],
    ['https://wiki.example.org/rca', false],
    ['https://wiki.example.org:443/rca', false],
    ['https://docs.example.com:443/rca', true],
    ['https://docs.example.com:8443/rca', false],
    ['https://docs.example.com%2E/rca', true],
    ['https://ｄｏｃｓ.example.com/rca', true],
    ['https://example.com/rca', false],
    ['https://evildocs.example.com/rca', false],
    ['https://docs.example.com.evil.example/rca', false],
    ['https://docs.example.com../rca', false],
    ['https://evil.example/docs.example.com', false],
    ['https://evil.example/?docs.example.com', false],
    ['https://evil.example#.docs.example.com', false],
    ['https://evil.example\\.docs.example.com/', false],
    ['https://evil.example%2Fdocs.example.com/', false],
    ['https://docs.exаmple.com/rca', false],
    ['https://127.0.0.1/rca', false],
  ])('with hosts named, %s is on one of them: %s', (text, onIt) => {
    expect(checkRcaUrl(text, HOSTS).ok).toBe(onIt);
  });

  test('one that is on none says so', () => {
    expect(accepted('https://evil.example/', HOSTS)).toBe('refused: host_not_allowed');
  });

  test.each([
    ['https://docs.example.com', 'https://docs.example.com/'],
    ['http://docs.example.com/', null],
    ['see the wiki', null],
    [null, null],
  ])('that another system recorded as %j is linked as %j', (recorded, linked) => {
    expect(linkableRcaUrl(recorded)).toBe(linked);
  });

  test('an internationalised host is named by its punycode', () => {
    expect(checkRcaUrl('https://docs.bücher.example/', ['xn--bcher-kva.example']).ok).toBe(true);
    expect(checkRcaUrl('https://bucher.example/', ['xn--bcher-kva.example']).ok).toBe(false);
  });
});

describe('the first address in a message', () => {
  test.each([
    ['<https://docs.example.com/rca>', 'https://docs.example.com/rca'],
    ['<@U0BOT> <https://docs.example.com/rca> please', 'https://docs.example.com/rca'],
    ['<https://docs.example.com/rca|the RCA>', 'https://docs.example.com/rca'],
    ['<https://real.example/|https://shown.example/>', 'https://real.example/'],
    ['<https://docs.example.com/?a=1&amp;b=2>', 'https://docs.example.com/?a=1&b=2'],
    ['<https://docs.example.com/?a=&amp;lt;>', 'https://docs.example.com/?a=&lt;'],
    ['<https://one.example/> and <https://two.example/>', 'https://one.example/'],
    ['<mailto:a@example.com|a@example.com> <https://two.example/>', 'https://two.example/'],
    ['<https://docs.example.com/?a=&lt;b&gt;>', 'https://docs.example.com/?a=<b>'],
    ['http://docs.example.com/rca', 'http://docs.example.com/rca'],
    ['<HTTPS://DOCS.example.com/>', 'HTTPS://DOCS.example.com/'],
    ['<http://docs.example.com/>', 'http://docs.example.com/'],
    ['https://docs.example.com/rca', 'https://docs.example.com/rca'],
    ['the RCA:\nhttps://docs.example.com/rca thanks', 'https://docs.example.com/rca'],
    ['https://docs.example.com/?a=1&amp;b=2', 'https://docs.example.com/?a=1&b=2'],
    ['"https://docs.example.com/rca", please', 'https://docs.example.com/rca'],
    ['“https://docs.example.com/rca”', 'https://docs.example.com/rca'],
    ['„https://docs.example.com/it’s“', 'https://docs.example.com/it’s'],
    ['‘https://docs.example.com/rca’.', 'https://docs.example.com/rca'],
    ['see `https://docs.example.com/rca`', 'https://docs.example.com/rca'],
    ['&lt;https://docs.example.com/rca&gt;', 'https://docs.example.com/rca'],
    // Nothing began it, so nothing ends it.
    ["https://docs.example.com/o'", "https://docs.example.com/o'"],
    ['https://docs.example.com/“o”', 'https://docs.example.com/“o”'],
    [' https://docs.example.com/“o”', 'https://docs.example.com/“o”'],
  ])('of %j is %s', (text, url) => {
    expect(firstUrlIn(text)).toBe(url);
  });

  test.each([
    '',
    'no link here',
    '<@U0BOT>',
    '<#C1|general>',
    '<!channel>',
    'javascript:alert(1)',
    '<mailto:a@b.c>',
    'https://',
  ])('there is none in %j', (text) => {
    expect(firstUrlIn(text)).toBeNull();
  });

  test.each([
    ['links that never end', '<https://a'],
    ['labels that never end', '<https://a|'],
    ['addresses in a row', 'https://'],
    ['opening brackets', '<'],
  ])('a message of 400,000 characters full of %s is read once, not once for each', (_, piece) => {
    const text = piece.repeat(Math.ceil(400_000 / piece.length));
    const startedAt = performance.now();
    firstUrlIn(text);
    // Each against each would take minutes.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
