import type { WebClient } from '@slack/web-api';
import * as z from 'zod';
import { attempt, SlackError } from './errors.js';

/** A member of the app's own workspace, or why somebody is none. */
export type Membership = 'member' | 'bot' | 'external_user' | 'deactivated' | 'unknown';

/** What Slack knows of people. */
export interface People {
  /** The workspace that a person belongs to; null where Slack does not tell. */
  teamOf(userId: string): Promise<string | null>;
  /** Who somebody is, as far as becoming an operator goes. */
  memberOf(userId: string): Promise<Membership>;
  /** A person's name; their id where Slack does not tell. Never rejects. */
  nameOf(userId: string): Promise<string>;
  /** The time zone in which a person is, as Slack names it; null where it does not tell. Rejects where Slack does not answer. */
  timeZoneOf(userId: string): Promise<string | null>;
}

const memberInfo = z.object({
  user: z.object({
    team_id: z.string().optional(),
    is_bot: z.boolean().optional(),
    is_stranger: z.boolean().optional(),
    deleted: z.boolean().optional(),
  }),
});
const userTeam = z.object({ user: z.object({ team_id: z.string().nullish() }) });
const userTimeZone = z.object({ user: z.object({ tz: z.string().nullish() }) });
const userNames = z.object({
  user: z.object({
    name: z.string(),
    real_name: z.string().optional(),
    profile: z.object({ display_name: z.string().optional(), real_name: z.string().optional() }).optional(),
  }),
});
const UNKNOWN_USER: ReadonlySet<string> = new Set(['user_not_found', 'user_not_visible']);

/** `ourTeam` is the app's own workspace. */
export function createPeople(client: WebClient, ourTeam: () => Promise<string>): People {
  const names = new Map<string, string>();
  const ask = (userId: string) => attempt('users.info', () => client.users.info({ user: userId }));
  return {
    async teamOf(userId) {
      return userTeam.parse(await ask(userId)).user.team_id ?? null;
    },

    async memberOf(userId) {
      const teamId = await ourTeam();
      try {
        const { user } = memberInfo.parse(await ask(userId));
        if (user.is_bot === true || userId === 'USLACKBOT') return 'bot';
        if (user.is_stranger === true || (user.team_id ?? teamId) !== teamId) return 'external_user';
        return user.deleted === true ? 'deactivated' : 'member';
      } catch (error) {
        if (error instanceof SlackError && error.kind === 'refused' && UNKNOWN_USER.has(error.code)) return 'unknown';
        throw error;
      }
    },

    async nameOf(userId) {
      const known = names.get(userId);
      if (known !== undefined) return known;
      try {
        const { user } = userNames.parse(await ask(userId));
        const name =
          [user.profile?.display_name, user.profile?.real_name, user.real_name].find((text) => text) ?? user.name;
        names.set(userId, name);
        return name;
      } catch {
        // A name is a courtesy: without one, people are shown the id.
        return userId;
      }
    },

    async timeZoneOf(userId) {
      const { user } = userTimeZone.parse(await ask(userId));
      return user.tz == null || user.tz === '' ? null : user.tz;
    },
  };
}
