/**
 * Something that the protocols rest on, taken away: what shows that the simulator would find its absence. Each is a defect that
 * the app had, or that its design is there to rule out.
 */
export type Sabotage =
  /** Heroku's client sends a PATCH whenever its connection is there. */
  | 'late PATCH'
  /** The next PATCH doesn't wait for one that may still take effect. */
  | 'early second PATCH'
  /** A PATCH is sent without an event that announces it. */
  | 'unannounced PATCH'
  /** What Heroku's newest release was before the first PATCH isn't kept. */
  | 'no base release'
  /** A promoter writes without holding the lease, whatever became of the row. */
  | 'no fence of promotions'
  /** Slack's client sends whenever its turn has come. */
  | 'late message'
  /** The outbox writes without holding the lease. */
  | 'no fence of messages'
  /** A message that was posted isn't found again. */
  | 'blind search'
  /** An update isn't repeated where an earlier one may still take effect. */
  | 'stale update';
