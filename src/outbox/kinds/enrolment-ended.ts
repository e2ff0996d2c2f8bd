import type { Enrolment } from '../../operators/enrolment.js';
import { activatedMessage } from '../../views/enrolment.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    enrolment_ended: 'a person hears that they are an operator now; the subject is the enrolment';
  }
}

/** Superadmins learn of any other end (`operator_notice`). */
export const enrolmentEnded = defineKind<Enrolment>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ subject }, { db }) => db.enrolments.byId(subject),
  place: (_message, { slackUserId }) => ({ to: 'person', userId: slackUserId }),
  show: (enrolment, { isNew }) =>
    isNew && enrolment.state === 'activated' ? showing(activatedMessage(enrolment)) : null,
});
