/** As much of pg-boss 10 as the bench uses, by its documentation: the package itself is only there where one measures. */
declare module 'pg-boss' {
  interface Job {
    readonly id: string;
  }
  interface SendOptions {
    readonly expireInSeconds?: number;
    readonly retryLimit?: number;
    readonly retryDelay?: number;
  }
  export default class PgBoss {
    constructor(options: {
      readonly connectionString: string;
      readonly maintenanceIntervalSeconds?: number;
      readonly supervise?: boolean;
      readonly schedule?: boolean;
      readonly max?: number;
    });
    on(event: 'error', listener: (error: unknown) => void): void;
    start(): Promise<unknown>;
    stop(options?: { readonly graceful?: boolean }): Promise<void>;
    createQueue(name: string): Promise<void>;
    send(name: string, data: object, options?: SendOptions): Promise<string | null>;
    fetch(name: string, options?: { readonly batchSize?: number }): Promise<readonly Job[]>;
    complete(name: string, id: string | readonly string[]): Promise<void>;
    work(
      name: string,
      options: { readonly batchSize?: number; readonly pollingIntervalSeconds?: number },
      handler: (jobs: readonly Job[]) => Promise<unknown>,
    ): Promise<string>;
  }
}
