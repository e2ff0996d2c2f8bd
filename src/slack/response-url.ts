/** Where Slack accepts answers to interactions (https://docs.slack.dev/interactivity/handling-user-interaction). */
const HOOKS = 'https://hooks.slack.com';

/**
 * Whether Slack accepts answers at an address. It comes in a signed request, but a stolen signing secret must not make
 * the app send requests elsewhere, such as into its own network.
 */
export function isResponseUrl(apiUrl: string): (address: string) => boolean {
  const origins: readonly string[] = [HOOKS, new URL(apiUrl).origin];
  return (address) => URL.canParse(address) && origins.includes(new URL(address).origin);
}
