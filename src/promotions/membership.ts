/** What Slack says of somebody: a full member of where the app is installed, or why not. */
export const MEMBERSHIPS = ['member', 'guest', 'bot', 'external_user', 'deactivated', 'unknown'] as const;
export type Membership = (typeof MEMBERSHIPS)[number];
