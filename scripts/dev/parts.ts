/** What a saved file requires to be rebuilt and restarted: the page, the app, or the whole workspace around it. */
export type Part = 'page' | 'app' | 'around';

const RULES: readonly (readonly [RegExp, Part])[] = [
  [/^demo\/workspace\/page\//u, 'page'],
  // The page completes commands from this list, which the server reads at its start.
  [/^src\/views\/help\.ts$/u, 'around'],
  [/^(?:demo|migrations)\/|^manifest\.yml$/u, 'around'],
  [/^src\//u, 'app'],
];

/** null for a file that nothing is built from. `file` is relative to the project, with slashes. */
export function partOf(file: string): Part | null {
  if (!/\.(?:ts|tsx|css|yml)$/u.test(file)) return null;
  return RULES.find(([pattern]) => pattern.test(file))?.[1] ?? null;
}
