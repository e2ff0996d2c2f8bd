import { createNetwork } from '../../src/network/network.js';
import { NO_PROXIES } from '../../src/network/proxies.js';

/** The way out where no proxy is set. */
export const DIRECTLY = createNetwork(NO_PROXIES);
