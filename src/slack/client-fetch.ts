import type { WebClientOptions } from '@slack/web-api';
import type { Fetch } from '../network/network.js';

/** Our fetch, as Slack's client takes it. */
export function clientFetch(fetch: Fetch): NonNullable<WebClientOptions['fetch']> {
  return (url, { body, ...init } = {}) => {
    // The client sends bytes as Node's own kind of form. We upload by address, and give it none.
    if (body !== undefined && typeof body !== 'string') throw new Error('Slack’s client is given no bytes to send.');
    return fetch(url, { ...init, ...(body === undefined ? {} : { body }) });
  };
}
