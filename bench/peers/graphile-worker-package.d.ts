/** What the bench uses of graphile-worker, by its documentation: the package is only installed for measuring. */
declare module 'graphile-worker' {
  export function run(options: {
    readonly connectionString: string;
    readonly concurrency: number;
    readonly pollInterval?: number;
    readonly preset?: { readonly worker: { readonly localQueue: { readonly size: number } } };
    readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>;
  }): Promise<unknown>;
}
