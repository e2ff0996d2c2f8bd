import type { Enrolment } from '../../operators/enrolment.js';
import { confirmMessage } from '../../views/operators.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    confirm_enrolment: 'a person is asked whether it was them; the subject is the enrolment';
  }
}

/** To be asked twice does no harm: the first answer counts. The page says what to do where nothing comes. */
export const confirmEnrolment = defineKind<Enrolment>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ subject }, { db }) => db.enrolments.byId(subject),
  place: (_message, { slackUserId }) => ({ to: 'person', userId: slackUserId }),
  show: (enrolment, { isNew }) => (isNew && enrolment.state === 'proved' ? showing(confirmMessage(enrolment)) : null),
});
