import type { Enrolment } from '../../operators/enrolment.js';
import { confirmMessage, enrolmentOverMessage } from '../../views/enrolment.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    confirm_enrolment: 'whoever had a link sent is asked for the word of the person who used it; the subject is the enrolment';
  }
}

/** Asking twice does no harm: the first answer counts. The page says what to do if nothing comes. */
export const confirmEnrolment = defineKind<Enrolment>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ subject }, { db }) => db.enrolments.byId(subject),
  place: (_message, { invitedBy }) => ({ to: 'person', userId: invitedBy }),
  show(enrolment, { isNew }) {
    if (enrolment.state === 'proved') return showing(confirmMessage(enrolment));
    return isNew ? null : showing(enrolmentOverMessage(enrolment));
  },
});
