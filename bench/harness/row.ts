import type { Figure } from './figures.js';
import type { BenchServer } from './server.js';

/** One line of the table, or a few that are measured together. */
export interface Row {
  /** What `npm run bench -- <name>` calls it. */
  readonly name: string;
  /** How it is measured, as RESULTS.md says it: what is compared with what, and what is not. */
  readonly how: string;
  /** Takes many minutes: measured by `--full`, or by its name. */
  readonly isSlow?: boolean;
  measure(bench: Bench): Promise<Measured>;
}

export interface Measured {
  readonly figures: readonly Figure[];
  /** What a reader needs to check the figures, in Markdown: the statements that were counted, for example. */
  readonly shown?: string;
}

/** What rows share: one database server, and somewhere to say how it goes. */
export interface Bench {
  readonly server: BenchServer;
  readonly say: (line: string) => void;
}
