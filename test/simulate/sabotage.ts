/**
 * Takes away something that the protocols rely on, to show that the simulator finds its absence. Each is a defect that
 * the app had, or that its design rules out.
 */
export type Sabotage =
  /** Heroku's client sends a PATCH as soon as its connection is there, without asking. */
  | 'late PATCH'
  /** The next PATCH doesn't wait for one that may still take effect. */
  | 'early second PATCH'
  /** A PATCH is sent without an event that announces it. */
  | 'unannounced PATCH'
  /** Heroku's newest release before the first PATCH isn't recorded. */
  | 'no base release'
  /** The recorded release is older than all others: a lost PATCH looks like one that others have overtaken. */
  | 'old base release'
  /** A promoter writes without holding the lease, whatever happened to the row. */
  | 'no fence of promotions'
  /** Slack's client sends once it has the slot, without asking. */
  | 'late message'
  /** If its first post failed, a message in Slack has nothing more to say. */
  | 'dropped message'
  /** A post without an answer counts as posted. */
  | 'assumed post'
  /** A page without an answer counts as delivered. */
  | 'assumed page'
  /** A page that may have rung, and ended meanwhile, is dropped. */
  | 'unresolved page'
  /** The outbox writes without holding the lease. */
  | 'no fence of messages'
  /** A posted message isn't found again. */
  | 'blind search'
  /** An update isn't repeated although an earlier one may still take effect. */
  | 'stale update'
  /** A message that waits for its next attempt doesn't count as owed. */
  | 'green between attempts'
  /** A notice is opened and posted without checking its row again. */
  | 'blind notice'
  /** No tick looks whether the database's clock was set back. */
  | 'set-back clock unnoticed'
  /** A PATCH that was announced later than now, by a clock that was set back since, counts as settled. */
  | 'announcement from the future'
  /** A promotion is resolved without looking whether its locked row is still what the form showed. */
  | 'form of another row'
  /** Heroku isn't asked again once a code is there. */
  | 'evidence of the form'
  /** The step of an accepted code isn't stored. */
  | 'code used twice'
  /** What was promoted is sent as the row has it by now. */
  | 'unauthorised PATCH';
