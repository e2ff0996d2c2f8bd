import { type Modal, notice } from './blocks.js';
import { COMMAND } from './ids.js';

/**
 * The answer to a submission that came twice: a proxy may have resent it when the first answer got lost. Closing the
 * form would mean that it was saved.
 */
export function receivedTwice(): Modal {
  return notice(
    'Received twice',
    `:repeat: *This form arrived twice.* Only the first one counted. See how it ended: \`${COMMAND} show\`, or the alert.`,
  );
}
