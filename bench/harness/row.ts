import type { Figure } from './figures.js';
import type { BenchServer } from './server.js';

/** One line of the table, or a few that are measured together. */
export interface Row {
  /** For `npm run bench -- <name>`. */
  readonly name: string;
  /** How it is measured, for RESULTS.md: what is compared with what, and what isn't. */
  readonly how: string;
  /** Takes many minutes: measured only with `--full` or by name. */
  readonly isSlow?: boolean;
  measure(bench: Bench): Promise<Measured>;
}

export interface Measured {
  readonly figures: readonly Figure[];
  /** What a reader needs to check the figures, in Markdown: the counted statements, for example. */
  readonly shown?: string;
}

/** Shared by rows: one database server, and somewhere to report progress. */
export interface Bench {
  readonly server: BenchServer;
  readonly say: (line: string) => void;
}
