import { HISTORY_LENGTH, historyBlocks } from '../../src/views/history.js';
import { momentAfter } from '../promotions/make.js';

const event = (action: string, detail: Record<string, unknown> = {}, actor = 'promoter') => ({
  at: momentAfter(0),
  action: `console.flag.promotion.${action}`,
  actor,
  detail,
});
const linesOf = (blocks: ReturnType<typeof historyBlocks>) =>
  blocks.flatMap((block) => (block.type === 'section' ? (block.text?.text.split('\n') ?? []) : []));

describe('a history', () => {
  test('is told in words, the oldest first, with who did it', () => {
    const told = linesOf(
      historyBlocks(
        [
          event('marked', {}, 'U0SUPER001'),
          event('heroku_patching'),
          event('heroku_unchanged', { reason: 'unreachable' }),
          event('heroku_unchanged', { reason: 'rate_limited' }),
          event('heroku_patched', { release_version: 143 }),
          event('totp_rejected', { reason: 'wrong' }, 'U0SUPER001'),
          {
            ...event('', { for: 'promote', left: 9 }, 'U0SUPER001'),
            action: 'console.flag.operator.recovery_code_used',
          },
          event('something_new'),
        ],
        false,
      ),
    ).map((line) => line.replace(/<!date[^>]*>/u, 'AT'));
    expect(told).toEqual([
      '*History*',
      'AT · *marked* · <@U0SUPER001>',
      'AT · *about to set it on Heroku* · `promoter`',
      'AT · *not set on Heroku*: no connection · `promoter`',
      'AT · *not set on Heroku*: `rate limited` · `promoter`',
      'AT · *on Heroku* as release v143 · `promoter`',
      'AT · *code refused*: wrong code · <@U0SUPER001>',
      'AT · *by a recovery code* · <@U0SUPER001>',
      'AT · *`something new`* · `promoter`',
    ]);
  });

  test('is whole, over as many sections as it takes', () => {
    const blocks = historyBlocks(
      Array.from({ length: HISTORY_LENGTH }, () => event('denied', { reason: 'not_superadmin' }, 'U0SUPER001')),
      false,
    );
    expect(linesOf(blocks)).toHaveLength(HISTORY_LENGTH + 1);
    expect(blocks.every((block) => block.type === 'section' && (block.text?.text.length ?? 0) <= 3_000)).toBe(true);
  });

  test('of hostile events fits a message, and says that it is not whole', () => {
    const text = '&'.repeat(10_000);
    const blocks = historyBlocks(
      Array.from({ length: HISTORY_LENGTH }, () => ({
        at: momentAfter(0),
        action: text,
        actor: text,
        detail: { reason: text },
      })),
      false,
    );
    expect(blocks.length).toBeLessThanOrEqual(35);
    expect(JSON.stringify(blocks.at(-1))).toContain('Only the newest events');
  });
});
