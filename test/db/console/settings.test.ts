import { isTableName, parseStateMap, stateOf } from '../../../src/db/console/settings.js';
import { spellingsOf } from '../../../src/db/console/spellings.js';

const map = (text: string) => parseStateMap(text).stateMap;

describe('STATE_MAP', () => {
  test('maps words to states, whatever their case, and leaves the others', () => {
    const { stateMap, faults } = parseStateMap(' IN_PROGRESS = deploying,done=Deployed,, a=b=failed ');
    expect(faults).toEqual([]);
    expect(stateMap).toEqual([
      { word: 'IN_PROGRESS', state: 'deploying' },
      { word: 'done', state: 'deployed' },
      { word: 'a=b', state: 'failed' },
    ]);
    const read = ['In_Progress', 'DONE', 'A=B', 'Marked', 'deployed', 'queued', ''].map((word) =>
      stateOf(word, stateMap),
    );
    expect(read).toEqual(['deploying', 'deployed', 'failed', 'marked', 'deployed', null, null]);
  });

  test('keeps the blanks of a word in double quotes', () => {
    const { stateMap, faults } = parseStateMap('"deploying "=deploying, " " = failed');
    expect(faults).toEqual([]);
    expect(stateMap.map(({ word }) => word)).toEqual(['deploying ', ' ']);
    expect(['Deploying ', 'deploying', 'deploying  '].map((word) => stateOf(word, stateMap))).toEqual([
      'deploying',
      'deploying',
      null,
    ]);
  });

  test.each([
    ['deploying', 'entry 1 must be word=state'],
    ['=deploying', 'entry 1 must be word=state'],
    ['""=deploying', 'entry 1 must be word=state'],
    ['a=deploying,b=running', 'entry 2 must map to one of marked, deploying'],
    ['a=deployed,A=failed', 'entry 2 maps a word that an earlier entry maps'],
    ['deployed=failed', 'maps deployed to failed, so no word is left for deployed'],
  ])('%s is refused in words', (text, fault) => {
    expect(parseStateMap(text).faults).toEqual([expect.stringContaining(fault)]);
  });

  test('may give one of our words to another state, if another word stands for it', () => {
    const { stateMap, faults } = parseStateMap('deployed=failed,live=deployed');
    expect(faults).toEqual([]);
    expect([stateOf('Deployed', stateMap), stateOf('live', stateMap)]).toEqual(['failed', 'deployed']);
  });
});

describe('a table’s name', () => {
  test.each(['promotions', 'console.promotions', '"Console"."Pro""mo.tions"', 'ünï.täble', '_a.b$1'])(
    'is %s',
    (name) => {
      expect(isTableName(name)).toBe(true);
    },
  );
  test.each(['', 'a.b.c', 'a b', 'a.', '.a', '1a', 'a;b', '"', 'a."b', "a'"])('is not %j', (name) => {
    expect(isTableName(name)).toBe(false);
  });
});

describe('what is written for our states', () => {
  test.each([
    ['nothing is there', [], '', { marked: 'marked', deployed: 'deployed' }],
    ['the table writes in capitals', ['DEPLOYING', 'MARKED'], '', { deployed: 'DEPLOYED', cancelled: 'CANCELLED' }],
    ['the table begins with one', ['Deploying'], '', { failed: 'Failed' }],
    ['a word of its own is the model', ['QUEUED'], '', { failed: 'FAILED' }],
    ['ours come before its own', ['QUEUED', 'deploying'], '', { failed: 'failed' }],
    ['each may have its spelling', ['deploying', 'DEPLOYED'], '', { deployed: 'DEPLOYED', failed: 'failed' }],
    [
      'a word is mapped',
      ['IN_PROGRESS', 'DONE'],
      'in_progress=deploying,done=deployed,live=deployed',
      { deploying: 'IN_PROGRESS', deployed: 'DONE', failed: 'FAILED' },
    ],
    ['a mapped word is not there yet', ['deploying'], 'Done=deployed', { deploying: 'deploying', deployed: 'Done' }],
  ] as const)('if %s', (_what, words, stateMap, expected) => {
    expect(spellingsOf(words, map(stateMap))).toMatchObject(expected);
  });

  test('reads back as that state', () => {
    for (const stateMap of ['', 'in_progress=deploying', 'deployed=failed,live=deployed,FAILED=cancelled']) {
      for (const words of [[], ['DEPLOYING'], ['Live', 'DEPLOYED']]) {
        for (const [state, word] of Object.entries(spellingsOf(words, map(stateMap)))) {
          expect({ stateMap, words, word, readAs: stateOf(word, map(stateMap)) }).toMatchObject({ readAs: state });
        }
      }
    }
  });
});
