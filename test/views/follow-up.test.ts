import { allowedConfigVars } from '../../src/promotions/config-vars.js';
import { followUpRefusalWords } from '../../src/views/follow-up.js';
import { momentAfter, promotion } from '../promotions/make.js';

const AROUND = {
  now: momentAfter(0),
  operatorId: 'U0SUPER001',
  superadmins: [],
  configVars: allowedConfigVars(['FLAG_*']),
};

test.each([
  [
    'revert',
    'deploying',
    '*Nothing was reverted.* Only a deployed promotion can be reverted. Promotion 7 is still deploying. *Mark failed* in `/flag-promotions show 7` can revert it.',
  ],
  [
    'set_again',
    'marked',
    '*Nothing was set.* Only a deployed promotion can be set again. Promotion 7 is only marked: `/flag-promotions cancel 7` cancels it.',
  ],
] as const)('what is not deployed is refused by name: %s, %s', (followUp, state, text) => {
  const refusal = { kind: 'not_deployed', promotion: promotion({ state }) } as const;
  expect(followUpRefusalWords(refusal, followUp, AROUND)).toMatchObject({ kind: 'answer', answer: { text } });
});
