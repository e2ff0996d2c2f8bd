import { type Stored, startStored } from '../support/rows.js';

/* What our migrations make where there is no table of the console's. */

let stored: Stored;
beforeEach(async () => {
  stored = await startStored();
});
afterEach(() => stored.close());

const insert = (state: string, app = 'app', configVar = 'FLAG_F') =>
  stored.rows.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var, state) values ('f', $1, $2, $3)`,
    [app, configVar, state],
  );

test.each(['deployed', 'failed', 'cancelled'])(
  'takes a next promotion of a config var once the last is %s',
  async (end) => {
    await insert('marked');
    for (const state of ['marked', 'deploying']) {
      await expect(insert(state)).rejects.toThrow('flag_promotions_one_active');
    }
    await insert('deploying', 'other-app');
    await insert('deploying', 'app', 'FLAG_OTHER');
    await insert(end);
    await stored.rows.query(`update console_flag_promotions set state = $1 where state = 'marked'`, [end]);
    await insert('deploying');
    const ended = `update console_flag_promotions set state = 'marked' where state = $1`;
    await expect(stored.rows.query(ended, [end])).rejects.toThrow('flag_promotions_one_active');
  },
);

test('takes exactly one of ten active promotions that are inserted at once', async () => {
  const inserted = await Promise.allSettled(Array.from({ length: 10 }, () => insert('deploying')));
  expect(inserted.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test.each(['', 'DEPLOYING', 'stuck', 'deploying '])('does not take the state "%s"', async (state) => {
  await expect(insert(state)).rejects.toThrow('console_flag_promotions_state');
});

test('gives a promotion that says nothing of it the state marked and the target true', async () => {
  await stored.rows.query(
    `insert into console_flag_promotions (flag_key, heroku_app, config_var) values ('f', 'app', 'F')`,
  );
  expect(await stored.db.promotions.find('1')).toMatchObject({
    state: 'marked',
    targetValue: 'true',
    checkpoint: null,
  });
});
