import { group } from '../../../src/outbox/kinds/group.js';
import { groupCriticals } from '../../../src/outbox/kinds/group-criticals.js';
import { countVerdicts, type GroupMember } from '../../../src/promotions/group.js';
import { HOUR, momentAfter, promotion } from '../../promotions/make.js';
import { LIVE, NOT_LIVE } from '../../support/rows.js';
import { asNew, asUpdate, MENTION, said } from './make.js';

const members = (count: number, severity: 'warning' | 'critical' = 'warning'): GroupMember[] =>
  Array.from({ length: count }, (_, index) => ({
    promotion: promotion({ id: `${index + 1}`, flagKey: `flag_${index + 1}.` }),
    severity,
    attention: null,
  }));

function facts(open: readonly GroupMember[], ended = { completed: 0, failed: 0, endedOtherwise: 0 }) {
  const evidence = new Map(open.map(({ promotion: { id } }, index) => [id, index < 31 ? LIVE : NOT_LIVE]));
  return { ...ended, open, groupId: '4', verdicts: countVerdicts(open, evidence), asOf: momentAfter(30 * HOUR) };
}

describe('a group', () => {
  test('says how many, counted by verdict, the first names, and where all are', () => {
    const text = said(group, facts(members(48)), asNew());
    for (const words of ['48 promotions are stuck', '31 live, 17 not live', 'flag_10.', '38 more', 'Show all 48']) {
      expect(text).toContain(words);
    }
    expect(text).not.toContain('flag_11.');
  });

  test('mentions nobody', () => {
    expect(said(group, facts(members(3, 'critical')), asNew())).not.toMatch(/<@|<!subteam/u);
  });

  test('says how those that ended did, and in the end that all have', () => {
    const ended = { completed: 2, failed: 1, endedOtherwise: 0 };
    expect(said(group, facts(members(3), ended), asUpdate())).toContain('ended so far: 2 completed, 1 failed');
    const all = said(group, facts([], ended), asUpdate());
    expect(all).toContain('All ended');
    expect(all).not.toContain('Show');
  });

  test('has nothing to say if all ended before it was posted', () => {
    expect(group.show(facts([]), asNew())).toBeNull();
  });

  test('says where Slack refused it', () => {
    const refused = { channel: 'C0PAYMENTS', because: 'is_archived' };
    expect(said(group, facts(members(1)), { ...asNew(), refused })).toContain('it is archived');
  });
});

describe('the reply that names criticals', () => {
  const named = (count: number, mentions: readonly string[] = []) =>
    said(groupCriticals, { criticals: members(count, 'critical'), mentions }, asNew());

  test('names up to ten, with their apps, and how many more', () => {
    expect(named(1)).toContain('1 promotion stuck: `flag_1.` on `raxx-console-prod`. ');
    expect(named(10)).not.toContain('more');
    const many = named(12);
    expect(many).toContain('`flag_10.` on `raxx-console-prod` and 2 more');
    expect(many).not.toContain('flag_11.');
  });

  test('mentions whom each would have', () => {
    expect(named(2, [MENTION, '<@U0KRIS>'])).toContain(`${MENTION} <@U0KRIS>`);
  });

  test('is not said if all of them ended, and stays as it is', () => {
    expect(groupCriticals.show({ criticals: [], mentions: [] }, asNew())).toBeNull();
    expect(groupCriticals.show({ criticals: members(1), mentions: [] }, asUpdate())).toBeNull();
  });
});
