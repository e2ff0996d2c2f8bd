import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CLICKS, EVENT_HANDLERS, SHORTCUTS, SUBMISSIONS } from '../src/handlers/index.js';
import { AUDIT_ACTIONS, auditWords } from '../src/promotions/audit-actions.js';
import { ACTION, EVENTS, SHORTCUT, VIEW } from '../src/views/ids.js';

/** What unions.ts can't show: that the tables hold no more than they must, and what strings do at run time. */

test('the tables hold each id that there is, and answer to no other', () => {
  expect(Object.keys(CLICKS).toSorted()).toEqual(Object.values(ACTION).toSorted());
  expect(Object.keys(SUBMISSIONS).toSorted()).toEqual(Object.values(VIEW).toSorted());
  expect(Object.keys(SHORTCUTS)).toEqual(Object.values(SHORTCUT));
  expect(Object.keys(EVENT_HANDLERS).toSorted()).toEqual(EVENTS.toSorted());
});

test('an action of another version or system can be read, and is shown generically', () => {
  expect(auditWords('console.flag.promotion.pretended')).toBeNull();
  expect(auditWords('toString')).toBeNull();
  expect(auditWords('console.flag.promotion.denied')).toMatchObject({ words: 'refused' });
});

test('SQL, which no compiler reads, names audit actions that there are', () => {
  const root = path.resolve(__dirname, '../src');
  const named = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(path.join(root, file), 'utf8').matchAll(/'(console\.flag\.\w+\.\w+)'/gu)])
    .map(([, action = '']) => action);
  expect(named.length).toBeGreaterThan(Object.keys(AUDIT_ACTIONS).length);
  expect(named.filter((action) => !Object.hasOwn(AUDIT_ACTIONS, action))).toEqual([]);
});
