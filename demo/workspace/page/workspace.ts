import { createContext, useContext } from 'react';
import type { Act, Outcome } from '../protocol/acts.js';
import type { MessageData, PersonData, Snapshot } from '../protocol/snapshot.js';

export interface Workspace {
  readonly seen: Snapshot;
  /** The person whose view is shown. */
  readonly me: PersonData;
  /** Shows a message on failure, unless `quiet`. */
  act(act: Act, how?: { readonly quiet: boolean }): Promise<Outcome>;
  openThread(root: Pick<MessageData, 'channel' | 'ts'>): void;
  /** Puts text into a message box, for the person to send. */
  prefill(text: string, threadRoot?: Pick<MessageData, 'channel' | 'ts'>): void;
}

export const WorkspaceContext = createContext<Workspace | null>(null);

export function useWorkspace(): Workspace {
  const workspace = useContext(WorkspaceContext);
  if (workspace === null) throw new Error('There is no workspace around this.');
  return workspace;
}
