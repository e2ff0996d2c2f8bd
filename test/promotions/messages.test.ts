import { messageKey } from '../../src/promotions/messages.js';

test('a message’s key stays the same from version to version: by it what was posted before is found', () => {
  const createdAt = new Date('2026-05-09T04:28:00Z');
  expect(messageKey({ kind: 'alert', id: '7', createdAt })).toBe('alert:7:1778300880000');
});
