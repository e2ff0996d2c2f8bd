import * as z from 'zod';

export interface Identity {
  /** The workspace's id, or the organization's if the app is installed for a whole one. */
  readonly teamId: string;
  readonly botUserId: string;
  readonly botId: string;
}

/** What `auth.test` says of where the app is installed (https://docs.slack.dev/reference/methods/auth.test). */
interface Installed {
  readonly team_id?: string | undefined;
  readonly enterprise_id?: string | null | undefined;
  readonly is_enterprise_install?: boolean | null | undefined;
}

/**
 * A workspace's token names that workspace, on Enterprise Grid too; an organization's token belongs to no single
 * workspace.
 */
export function installedIn({ team_id, enterprise_id, is_enterprise_install }: Installed): string | null {
  return (is_enterprise_install === true ? enterprise_id : null) ?? team_id ?? null;
}

export const identity = z
  .object({
    team_id: z.string(),
    user_id: z.string(),
    bot_id: z.string(),
    enterprise_id: z.string().nullish(),
    is_enterprise_install: z.boolean().nullish(),
  })
  .transform(
    (auth): Identity => ({ teamId: installedIn(auth) ?? auth.team_id, botUserId: auth.user_id, botId: auth.bot_id }),
  );
