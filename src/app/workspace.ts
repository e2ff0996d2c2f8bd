import type { Installation } from '../db/installation.js';
import { OtherWorkspaceError } from '../db/errors.js';

/** Keeps this process to the Slack workspace that its database belongs to. */
export interface Workspace {
  /** Records the first workspace that asks; rejects with OtherWorkspaceError if the database belongs to another. */
  admit(teamId: string): Promise<void>;
  /**
   * Checks again: somebody may have moved the database. Rejects as `admit` does; otherwise resolves with the time by
   * the database's clock, without an extra statement.
   */
  startTick(): Promise<Date>;
  /** Resolves once this process was refused: it has to end. */
  readonly refused: Promise<OtherWorkspaceError>;
}

/** `records`: false if nothing may be written. */
export function createWorkspace(
  installation: Pick<Installation, 'claimWorkspace' | 'workspace' | 'workspaceNow'>,
  { records }: { readonly records: boolean },
): Workspace {
  let own: string | null = null;
  let refusal: OtherWorkspaceError | null = null;
  let refuse: (error: OtherWorkspaceError) => void;
  const refused = new Promise<OtherWorkspaceError>((resolve) => {
    refuse = resolve;
  });

  function compare(recorded: string | null, teamId: string): void {
    if (recorded === null || recorded === teamId) return;
    refusal = new OtherWorkspaceError(recorded, teamId);
    refuse(refusal);
    throw refusal;
  }

  return {
    refused,
    async admit(teamId) {
      if (refusal !== null) throw refusal;
      if (own === teamId) return;
      compare(records ? await installation.claimWorkspace(teamId) : await installation.workspace(), teamId);
      own = teamId;
    },
    async startTick() {
      if (refusal !== null) throw refusal;
      const { workspace, now } = await installation.workspaceNow();
      if (own !== null) compare(workspace, own);
      return now;
    },
  };
}
