import { permalinkedId, permalinkOf } from '../../src/promotions/permalink.js';

const PUBLIC = 'https://flags.example.com';

test('a promotion has an address of its own', () => {
  expect(permalinkOf(PUBLIC, '7')).toBe('https://flags.example.com/promotions/7');
});

test.each([
  ['https://flags.example.com/promotions/7', '7'],
  ['https://flags.example.com/promotions/12345', '12345'],
  ['https://flags.example.com/promotions/7/', '7'],
  ['https://flags.example.com/promotions/7?from=mail', '7'],
  ['https://flags.example.com/promotions/7#top', '7'],
  ['HTTPS://Flags.Example.com/promotions/7', '7'],
  ['https://flags.example.com:443/promotions/7', '7'],
  ['https://flags.example.com:8443/promotions/7', null],
  ['http://flags.example.com/promotions/7', null],
  ['https://flags.example.com/promotions/', null],
  ['https://flags.example.com/promotions/0', '0'],
  ['https://flags.example.com/promotions/07', null],
  ['https://flags.example.com/promotions/7a', null],
  ['https://flags.example.com/promotions/x7', null],
  ['https://flags.example.com/promotions/x/7', null],
  ['https://flags.example.com/enrol/7', null],
  ['https://other.example.com/promotions/7', null],
  ['https://other.example.com/?https://flags.example.com/promotions/', null],
])('%s is that of %j', (address, id) => {
  expect(permalinkedId(PUBLIC, address)).toBe(id);
});

test('an address under a path keeps it, and is no other app’s of that host', () => {
  const below = 'https://tools.example.com/flags';
  expect(permalinkOf(below, '7')).toBe(`${below}/promotions/7`);
  expect(permalinkedId(below, `${below}/promotions/7`)).toBe('7');
  expect(permalinkedId(below, 'https://tools.example.com/promotions/7')).toBeNull();
});
