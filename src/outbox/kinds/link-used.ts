import type { Enrolment } from '../../operators/enrolment.js';
import { enrolmentOverMessage, linkUsedMessage } from '../../views/enrolment.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    link_used: 'a person hears that their link was used, and can say that it was not them; the subject is the enrolment';
  }
}

/** Sending it twice does no harm. */
export const linkUsed = defineKind<Enrolment>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ subject }, { db }) => db.enrolments.byId(subject),
  place: (_message, { slackUserId }) => ({ to: 'person', userId: slackUserId }),
  show(enrolment, { isNew }) {
    if (enrolment.state === 'proved') return showing(linkUsedMessage(enrolment));
    return isNew ? null : showing(enrolmentOverMessage(enrolment));
  },
});
