/** As much of graphile-worker as the bench uses, by its documentation: the package is only there where one measures. */
declare module 'graphile-worker' {
  export function run(options: {
    readonly connectionString: string;
    readonly concurrency: number;
    readonly pollInterval?: number;
    readonly preset?: { readonly worker: { readonly localQueue: { readonly size: number } } };
    readonly taskList: Readonly<Record<string, (payload: unknown) => Promise<void>>>;
  }): Promise<unknown>;
}
