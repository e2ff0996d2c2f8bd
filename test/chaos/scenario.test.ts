import { tooFew } from './scenario.js';

test.each([
  ['enough', { kills: { times: 2, atLeast: 2 } }, []],
  [
    'too little',
    { kills: { times: 1, atLeast: 2 }, posts: { times: 9, atLeast: 2 } },
    ['too few kills: 1 of at least 2'],
  ],
  ['nothing', { kills: { times: 0, atLeast: 1 } }, ['too few kills: 0 of at least 1']],
  [
    'nothing, of which nothing was enough',
    { kills: { times: 0, atLeast: 0 } },
    ['no floor for kills: 0 of at least 0'],
  ],
  ['what was not counted', { kills: { times: Number.NaN, atLeast: 1 } }, ['too few kills: NaN of at least 1']],
  ['what has no floor', {}, ['no floor: it would pass if nothing happened']],
])('a scenario in which %s happened', (_, happened, lacking) => {
  expect(tooFew(happened)).toEqual(lacking);
});
