import type { Person } from '../../demo/slack/workspace.js';
import { interaction, newTrigger, signed } from '../chaos/signed.js';
import { startTestBed, type TestBed } from '../support/app.js';
import { administer, PUBLIC_URL } from '../support/enrolment.js';
import { eventually } from '../support/eventually.js';

/** Who belongs to this workspace according to Slack, not to a request. */
describe('who may use the app', () => {
  let bed: TestBed;
  let promotionId: string;
  const start = async (options: Parameters<typeof startTestBed>[0] = {}) => {
    bed = await startTestBed({
      startAt: '2026-05-09T17:00:00Z',
      environment: { PUBLIC_URL },
      rateLimit: false,
      ...options,
    });
    promotionId = await bed.rows.insertDeploying();
    await bed.app.tick();
  };
  afterEach(() => bed.close());

  const state = async () => (await bed.db.promotions.find(promotionId))?.state;
  const isRefusedAtTheClick = async (person: Person, words: string) => {
    const before = person.ephemerals().length;
    await person.click(await bed.alert(), 'mark_completed');
    await person.waitForEphemeral(({ text }) => person.ephemerals().length > before && text.includes(words));
    expect(person.modal()).toBeUndefined();
  };
  const opensTheForm = async (person: Person) => {
    await person.click(await bed.alert(), 'mark_completed');
    await person.waitForModal((view) => view.raw['submit'] !== null);
  };

  test.each([{ is_restricted: true }, { is_restricted: true, is_ultra_restricted: true }])(
    'a guest (%j) can’t become an operator, and an operator who becomes one is refused at the click and at the submission',
    async (fields) => {
      await start();
      const { superadmin, engineer, secondSuperadmin } = bed.slack.people;
      bed.slack.setUser(engineer.id, fields);
      const added = await administer(superadmin, 'add', {
        person: engineer.id,
        role: 'engineer',
        code: bed.code(superadmin.id),
      });
      expect(JSON.stringify(added)).toContain('A guest can’t be an operator');
      await superadmin.closeModal({ all: true });

      await bed.enrol(secondSuperadmin.id);
      await opensTheForm(secondSuperadmin);
      bed.slack.setUser(secondSuperadmin.id, fields);
      await secondSuperadmin.submit({ code: bed.code(secondSuperadmin.id) });
      expect(JSON.stringify(secondSuperadmin.modal()?.blocks)).toContain('Guests can’t use this app');
      expect(await state()).toBe('deploying');
      await secondSuperadmin.closeModal({ all: true });
      await isRefusedAtTheClick(secondSuperadmin, 'Guests can’t use this app');
      for (const button of ['acknowledge', 'open_rca']) {
        const before = secondSuperadmin.ephemerals().length;
        await secondSuperadmin.click(await bed.alert(), button);
        await eventually(async () => expect(secondSuperadmin.ephemerals()).toHaveLength(before + 1));
      }
      expect((await secondSuperadmin.ask('promote')).text).toContain('Guests can’t use this app');
      expect(await bed.rows.query('select 1 from flag_promotions.attention where owner is not null')).toEqual([]);
      const denied = await bed.rows.query<{ detail: object }>(
        `select detail from flag_promotions.audit_log where action like '%denied'`,
      );
      expect(denied).toMatchObject([{ detail: { reason: 'guest' } }]);
      // A full member again.
      bed.slack.setUser(secondSuperadmin.id, {});
      await opensTheForm(secondSuperadmin);
      expect((await secondSuperadmin.submit({ code: bed.code(secondSuperadmin.id) })).kind).toBe('closed');
    },
  );

  test('while Slack does not say who somebody is, members go on, and a guest whom any replica saw stays out', async () => {
    await start();
    const { superadmin, secondSuperadmin } = bed.slack.people;
    await bed.enrol(secondSuperadmin.id);
    bed.slack.setUser(secondSuperadmin.id, { is_restricted: true });
    await isRefusedAtTheClick(secondSuperadmin, 'Guests');
    const replica = await bed.replica();
    bed.slack.connectHttp(`http://127.0.0.1:${replica.port}/slack/events`);
    bed.slack.faults.add({ method: 'users.info', kind: 'status', status: 503 });
    await isRefusedAtTheClick(secondSuperadmin, 'Guests');
    await opensTheForm(superadmin);
    expect((await superadmin.submit({ code: bed.code(superadmin.id) })).kind).toBe('closed');
    expect(await state()).toBe('deployed');
  });

  /** A click or a form as Slack sends it on Enterprise Grid. */
  const click = async (person: Person, fields: Readonly<Record<string, unknown>>) => {
    const alert = await bed.alert();
    const body = interaction({
      type: 'block_actions',
      user: { id: person.id, team_id: 'T0HOME0000' },
      team: null,
      enterprise: { id: 'E0GRID0000' },
      trigger_id: newTrigger(),
      response_url: `${bed.slack.apiUrl.replace(/api\/$/u, '')}responses/none`,
      container: { is_ephemeral: false, channel_id: alert.channel, message_ts: alert.ts },
      actions: [{ type: 'button', action_id: 'acknowledge', block_id: 'x', value: promotionId }],
      ...fields,
    });
    await fetch(`${bed.baseUrl}/slack/events`, signed(body, bed.slack.signingSecret));
  };
  const owner = async () =>
    (await bed.rows.query<{ owner: string | null }>('select owner from flag_promotions.attention'))[0]?.owner ?? null;
  const denied = async () =>
    (
      await bed.rows.query<{ reason: string }>(
        `select detail->>'reason' as reason from flag_promotions.audit_log where action like '%denied'`,
      )
    ).map(({ reason }) => reason);

  test('on Enterprise Grid it is who is in the app’s workspace, wherever their home is', async () => {
    await start();
    const { superadmin } = bed.slack.people;
    const grid = (teams: readonly string[]) =>
      bed.slack.setUser(superadmin.id, {
        team_id: 'T0HOME0000',
        enterprise_user: { id: 'W1', enterprise_id: 'E0GRID0000', teams },
      });
    grid(['T0HOME0000']);
    await click(superadmin, {});
    await eventually(async () => expect(await denied()).toEqual(['external_user']));
    grid(['T0HOME0000', bed.slack.teamId]);
    await click(superadmin, {});
    await eventually(async () => expect(await owner()).toBe(superadmin.id));
  });

  test('installed for a whole organization, it is who belongs to that', async () => {
    await start({ installedForOrganization: 'E0GRID0000' });
    const { superadmin } = bed.slack.people;
    const inEnterprise = (enterprise_id: string) =>
      bed.slack.setUser(superadmin.id, {
        team_id: 'T0HOME0000',
        enterprise_user: { id: 'W1', enterprise_id, teams: ['T0HOME0000'] },
      });
    inEnterprise('E0OTHER000');
    await click(superadmin, {});
    await eventually(async () => expect(await denied()).toEqual(['external_user']));
    inEnterprise('E0GRID0000');
    await click(superadmin, {});
    await eventually(async () => expect(await owner()).toBe(superadmin.id));
  });

  test('a request without a team id is refused, and so is somebody of whom Slack names none', async () => {
    await start();
    const { superadmin } = bed.slack.people;
    await click(superadmin, { user: { id: superadmin.id }, team: null });
    await eventually(async () => expect(await denied()).toEqual(['external_user']));
    bed.slack.setUser(superadmin.id, { team_id: undefined });
    await click(superadmin, { user: { id: superadmin.id, team_id: bed.slack.teamId } });
    await eventually(async () =>
      expect(await bed.rows.query('select times from flag_promotions.denials')).toEqual([{ times: 2 }]),
    );
    expect(await owner()).toBeNull();
  });
});
