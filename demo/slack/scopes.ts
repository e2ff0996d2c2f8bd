/** The scope that each Web API method needs (https://docs.slack.dev/reference/methods); null: any token. */
export const METHOD_SCOPES: Readonly<Record<string, string | null>> = {
  'auth.test': null,
  'chat.postMessage': 'chat:write',
  'chat.update': 'chat:write',
  'chat.delete': 'chat:write',
  'chat.postEphemeral': 'chat:write',
  'chat.getPermalink': null,
  'chat.unfurl': 'links:write',
  // In private channels it is groups:history and groups:read.
  'conversations.history': 'channels:history',
  'conversations.replies': 'channels:history',
  'conversations.info': 'channels:read',
  'users.info': 'users:read',
  'users.list': 'users:read',
  'views.open': null,
  'views.push': null,
  'views.update': null,
  'views.publish': null,
  'files.getUploadURLExternal': 'files:write',
  'files.completeUploadExternal': 'files:write',
  'files.info': 'files:read',
};

/** The scope that a method needs in a channel: private channels have their own. */
export function scopeIn(method: string, isPrivate: boolean): string | null | undefined {
  const scope = METHOD_SCOPES[method];
  return isPrivate ? scope?.replace(/^channels:/u, 'groups:') : scope;
}

/** The scope that each event needs (https://docs.slack.dev/reference/events). */
export const EVENT_SCOPES: Readonly<Record<string, string | null>> = {
  app_mention: 'app_mentions:read',
  'message.channels': 'channels:history',
  'message.groups': 'groups:history',
  app_home_opened: null,
  link_shared: 'links:read',
};

/** For an app that asks for everything this stand-in knows. */
export const ALL_SCOPES: readonly string[] = [
  'app_mentions:read',
  'channels:history',
  'channels:read',
  'chat:write',
  'commands',
  'files:read',
  'files:write',
  'groups:history',
  'groups:read',
  'links:read',
  'links:write',
  'users:read',
];

/** The scope an app token needs for Socket Mode. */
export const SOCKET_MODE_SCOPE = 'connections:write';
