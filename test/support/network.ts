import { createNetwork } from '../../src/network/network.js';
import { NO_PROXIES } from '../../src/network/proxies.js';

/** Without a proxy. */
export const DIRECTLY = createNetwork(NO_PROXIES);
