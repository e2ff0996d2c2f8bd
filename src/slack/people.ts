import type { WebClient } from '@slack/web-api';
import * as z from 'zod';
import type { Membership } from '../promotions/membership.js';
import { attempt, SlackError } from './errors.js';

export interface Member {
  readonly kind: Membership;
  /** Whether their home workspace is where the app is installed. */
  readonly isHome: boolean;
  /** The workspaces they belong to, and on Enterprise Grid the organization. */
  readonly teams: readonly string[];
}

export interface People {
  /** Rejects if Slack doesn't say. */
  memberOf(userId: string): Promise<Member>;
  /** A person's name; their id if Slack doesn't say. Never rejects. */
  nameOf(userId: string): Promise<string>;
  /** A person's time zone, as Slack names it; null if it doesn't say. Rejects if Slack doesn't answer. */
  timeZoneOf(userId: string): Promise<string | null>;
}

const memberInfo = z.object({
  user: z.object({
    team_id: z.string().nullish(),
    is_bot: z.boolean().optional(),
    is_stranger: z.boolean().optional(),
    deleted: z.boolean().optional(),
    // Single- and multi-channel guests.
    is_restricted: z.boolean().optional(),
    is_ultra_restricted: z.boolean().optional(),
    enterprise_user: z.object({ enterprise_id: z.string().nullish(), teams: z.array(z.string()).nullish() }).nullish(),
  }),
});
const userTimeZone = z.object({ user: z.object({ tz: z.string().nullish() }) });
const userNames = z.object({
  user: z.object({
    name: z.string(),
    real_name: z.string().optional(),
    profile: z.object({ display_name: z.string().optional(), real_name: z.string().optional() }).optional(),
  }),
});
const UNKNOWN_USER: ReadonlySet<string> = new Set(['user_not_found', 'user_not_visible']);

type MemberInfo = z.output<typeof memberInfo>['user'];

/** On Enterprise Grid, people belong to more teams than their home team. */
function teamsOf({ team_id, enterprise_user }: MemberInfo): readonly string[] {
  const { teams, enterprise_id } = enterprise_user ?? {};
  return [...new Set([team_id, enterprise_id, ...(teams ?? [])])].filter((id) => id != null);
}

function membershipOf(userId: string, user: MemberInfo, isHere: boolean): Membership {
  if (user.is_bot === true || userId === 'USLACKBOT') return 'bot';
  if (user.is_stranger === true || !isHere) return 'external_user';
  if (user.deleted === true) return 'deactivated';
  return user.is_restricted === true || user.is_ultra_restricted === true ? 'guest' : 'member';
}

/** `ourTeam` is where the app is installed: a workspace, or an organization. */
export function createPeople(client: WebClient, ourTeam: () => Promise<string>): People {
  const names = new Map<string, string>();
  const ask = (userId: string) => attempt('users.info', () => client.users.info({ user: userId }));
  return {
    async memberOf(userId) {
      const teamId = await ourTeam();
      try {
        const { user } = memberInfo.parse(await ask(userId));
        const teams = teamsOf(user);
        return { kind: membershipOf(userId, user, teams.includes(teamId)), isHome: user.team_id === teamId, teams };
      } catch (error) {
        if (error instanceof SlackError && error.kind === 'refused' && UNKNOWN_USER.has(error.code)) {
          return { kind: 'unknown', isHome: false, teams: [] };
        }
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
        // A name is a courtesy: without one, people see the id.
        return userId;
      }
    },

    async timeZoneOf(userId) {
      const { user } = userTimeZone.parse(await ask(userId));
      return user.tz == null || user.tz === '' ? null : user.tz;
    },
  };
}
