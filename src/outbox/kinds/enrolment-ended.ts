import type { Enrolment } from '../../operators/enrolment.js';
import { activatedNotice, declinedNotice } from '../../views/operators.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    enrolment_ended: 'the inviter hears how an enrolment ended; the subject is the enrolment';
  }
}

export const enrolmentEnded = defineKind<Enrolment>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ subject }, { db }) => db.enrolments.byId(subject),
  place: (_message, { invitedBy }) => ({ to: 'person', userId: invitedBy }),
  show(enrolment, { isNew }) {
    if (!isNew) return null;
    if (enrolment.state === 'activated') return showing(activatedNotice(enrolment));
    return enrolment.endReason === 'declined' ? showing(declinedNotice(enrolment)) : null;
  },
});
