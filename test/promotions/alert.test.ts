import { isOpen, worstSeverity } from '../../src/promotions/alert.js';
import { alert, momentAfter } from './make.js';

const warning = alert({ severity: 'warning' });
const critical = alert({ severity: 'critical' });

test('of several alerts the gravest counts', () => {
  expect(worstSeverity([warning, critical])).toBe('critical');
  expect(worstSeverity([critical, warning])).toBe('critical');
  expect(worstSeverity([warning])).toBe('warning');
});

test('an alert is open until it is closed', () => {
  expect(isOpen(warning)).toBe(true);
  expect(isOpen(alert({ closedAt: momentAfter(0) }))).toBe(false);
});
