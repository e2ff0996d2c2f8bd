import { type Modal, notice } from './blocks.js';
import { COMMAND } from './ids.js';

/**
 * What a form shows whose submission came a second time: a proxy may have sent it again, after the first answer got lost. To close
 * it would say that it was saved.
 */
export function receivedTwice(): Modal {
  return notice(
    'Received twice',
    `:repeat: *This form arrived twice.* Only the first one counted. See how it ended: \`${COMMAND} show\`, or the alert.`,
  );
}
