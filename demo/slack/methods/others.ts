import { z } from 'zod';
import { type Methods, type Surroundings, text } from './surroundings.js';

const record = z.record(z.string(), z.unknown());

/** Methods that `emulate` answers as Slack does, give or take a field. */
export function otherMethods(around: Surroundings): Methods {
  const { emulated, bot } = around;
  const asSlackKnows = (user: Readonly<Record<string, unknown>>) => ({
    ...user,
    ...around.userFields(text(user['id'])),
  });

  return {
    async 'auth.test'() {
      const answer = await emulated.call('auth.test', bot.token, {});
      const { teamId, organization } = around.installation;
      const installed =
        organization === null
          ? { team_id: teamId, is_enterprise_install: false }
          : { team_id: organization, enterprise_id: organization, is_enterprise_install: true };
      return { ...answer, ...installed, url: `${around.workspaceUrl}/` };
    },

    async 'users.info'(args) {
      const answer = await emulated.call('users.info', bot.token, args);
      const user = record.safeParse(answer['user']);
      return user.success ? { ...answer, user: asSlackKnows(user.data) } : answer;
    },

    async 'users.list'(args) {
      const answer = await emulated.call('users.list', bot.token, args);
      const members = z.array(record).safeParse(answer['members']);
      return members.success ? { ...answer, members: members.data.map(asSlackKnows) } : answer;
    },
  };
}
