/** Where Slack takes answers to interactions (https://docs.slack.dev/interactivity/handling-user-interaction). */
const HOOKS = 'https://hooks.slack.com';

/**
 * Whether an address is one where Slack takes answers. It comes in a signed request, but whoever has the signing secret must not
 * make the app send requests elsewhere: into its own network, for one.
 */
export function isResponseUrl(apiUrl: string): (address: string) => boolean {
  const origins: readonly string[] = [HOOKS, new URL(apiUrl).origin];
  return (address) => URL.canParse(address) && origins.includes(new URL(address).origin);
}
