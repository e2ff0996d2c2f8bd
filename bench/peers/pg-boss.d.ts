/** What the bench uses of pg-boss 12, by its documentation: the package is only installed for measuring. */
declare module 'pg-boss' {
  interface Job {
    readonly id: string;
    readonly data: unknown;
  }
  export class PgBoss {
    constructor(options: {
      readonly connectionString: string;
      readonly useListenNotify?: boolean;
      readonly monitorIntervalSeconds?: number;
      readonly superviseIntervalSeconds?: number;
      readonly queueCacheIntervalSeconds?: number;
    });
    on(event: 'error', listener: (error: unknown) => void): void;
    start(): Promise<unknown>;
    createQueue(
      name: string,
      options?: { readonly notify?: boolean; readonly heartbeatSeconds?: number; readonly retryLimit?: number },
    ): Promise<void>;
    send(name: string, data: object, options?: { readonly startAfter?: Date }): Promise<string | null>;
    work(
      name: string,
      options: {
        readonly pollingIntervalSeconds?: number;
        readonly notifyPollingIntervalSeconds?: number;
        readonly localConcurrency?: number;
      },
      handler: (jobs: readonly Job[]) => Promise<unknown>,
    ): Promise<string>;
  }
}
