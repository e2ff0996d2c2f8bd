import fc from 'fast-check';
import { checkRcaUrl, RCA_URL_MAX_LENGTH } from '../../src/promotions/rca-url.js';

const HOSTS = ['docs.example.com', 'wiki.example.org:8443'];

test('an accepted address is https, on an allowed host, short and ASCII, and is accepted again unchanged', () => {
  const pieces = fc.constantFrom(
    'https:',
    '//',
    '/',
    '\\',
    '@',
    ':',
    '.',
    '#',
    '?',
    '%2e',
    '<',
    '|',
    'docs.example.com',
  );
  const text = fc
    .array(fc.oneof(pieces, fc.string({ maxLength: 5 }), fc.webUrl()), { maxLength: 8 })
    .map((parts) => parts.join(''));
  const candidates = fc.oneof(
    text,
    fc.string(),
    text.map((rest) => `https://docs.example.com/${rest}`),
  );
  fc.assert(
    fc.property(candidates, fc.boolean(), (candidate, restricted) => {
      const hosts = restricted ? HOSTS : [];
      const checked = checkRcaUrl(candidate, hosts);
      if (!checked.ok) return;
      expect(checked.url).toMatch(/^https:\/\/[!-;=?-{}~]+$/u);
      expect(checked.url.length).toBeLessThanOrEqual(RCA_URL_MAX_LENGTH);
      if (restricted)
        expect(new URL(checked.url).hostname).toMatch(/(?:^|\.)(?:docs\.example\.com|wiki\.example\.org)\.?$/u);
      expect(checkRcaUrl(checked.url, hosts)).toEqual(checked);
    }),
    { numRuns: 2_000 },
  );
});
