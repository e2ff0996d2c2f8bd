import type { OperatorEvent } from '../../operators/operator-event.js';
import { operatorNotice } from '../../views/operator-notice.js';
import { defineKind } from '../kind.js';
import { showing } from './about-promotion.js';

declare module '../../promotions/messages.js' {
  interface MessageKinds {
    operator_notice: 'a superadmin, or the operator, hears of a change; the subject is whom it tells, the ordinal the audit event';
  }
}

/** Sending it twice does no harm. */
export const operatorNoticeKind = defineKind<OperatorEvent>({
  gone: 'close',
  unknownOutcome: 'post_again',
  gather: ({ ordinal }, { db }) => db.operatorNotices.find(ordinal),
  place: ({ subject }) => ({ to: 'person', userId: subject }),
  show(event, { isNew, message }) {
    const notice = isNew ? operatorNotice(event, message.subject) : null;
    return notice === null ? null : showing(notice);
  },
});
