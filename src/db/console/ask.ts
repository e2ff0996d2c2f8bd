import type pg from 'pg';

export type Ask = (sql: string, values?: readonly unknown[]) => Promise<unknown>;

export const askOf =
  (client: pg.ClientBase): Ask =>
  (sql, values = []) =>
    client.query(sql, [...values]);
