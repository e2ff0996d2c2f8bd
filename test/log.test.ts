import pg from 'pg';
import { createLogger } from '../src/log.js';
import { insertPromotion, startStored } from './support/rows.js';

const SECRET = 'sk_live_canary_51Hx';

function logged(error: unknown): string {
  const lines: string[] = [];
  createLogger('info', { write: (line) => void lines.push(line) }).error({ err: error }, 'something failed');
  return lines.join('');
}

/** The console's table may have its own constraints, and PostgreSQL quotes the whole row that violates one. */
test('a row that PostgreSQL quotes in its refusal does not get into the log, at whatever depth', async () => {
  const stored = await startStored();
  try {
    await stored.rows.query(`alter table console_flag_promotions add check (target_value <> '${SECRET}')`);
    const id = await insertPromotion(stored.rows);
    const refused: unknown = await stored.rows
      .query(`update console_flag_promotions set target_value = '${SECRET}' where id = ${id}`)
      .catch((error: unknown) => error);
    if (!(refused instanceof pg.DatabaseError)) throw new Error('PostgreSQL took it.');
    expect(refused.detail).toContain(SECRET);
    for (const error of [
      refused,
      new Error('the promoter could not write', { cause: refused }),
      new AggregateError([new Error('one'), new Error('another', { cause: refused })], 'several failed'),
    ]) {
      const line = logged(error);
      expect(line).toContain('console_flag_promotions_target_value_check');
      expect(line).not.toContain(SECRET);
    }
  } finally {
    await stored.close();
  }
});

test('the contents of a failed request do not get into the log', () => {
  const carrying = Object.assign(new Error('refused'), {
    headers: { authorization: SECRET },
    body: SECRET,
    status: 401,
  });
  expect(logged(carrying)).not.toContain(SECRET);
  expect(logged(new Error('Heroku did not answer', { cause: carrying }))).not.toContain(SECRET);
  expect(JSON.parse(logged(carrying))).toMatchObject({ err: { message: 'refused', status: 401, body: '[redacted]' } });
});

test('a value that is no error is logged as it is', () => {
  expect(JSON.parse(logged('a word'))).toMatchObject({ err: 'a word' });
});
