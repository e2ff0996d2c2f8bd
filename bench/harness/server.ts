import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { migrateToLatest } from '../../src/db/migrate.js';
import { ROOT } from './processes.js';

/** The one PostgreSQL of a run: the embedded one, with the settings that it ships with. */
export interface BenchServer {
  readonly version: string;
  /** A new database, with the project's schema or empty; one of the same name is dropped first. */
  fresh(name: string, schema: 'migrated' | 'empty'): Promise<string>;
  /** A database that may be there from an earlier run; its address either way. */
  keep(name: string): Promise<{ readonly url: string; readonly isNew: boolean }>;
  drop(name: string): Promise<void>;
  /** Whether commits wait for the disk. They do, but for the filling of large tables. */
  durable(on: boolean): Promise<void>;
  stop(): Promise<void>;
}

const TEMPLATE = 'bench_template';

/** Starts it in `bench/.cache`, where large tables are kept from run to run. */
export async function startBenchServer(): Promise<BenchServer> {
  const server = await startEmbeddedPostgres({
    dataDir: path.join(ROOT, 'bench/.cache'),
    create: true,
    database: 'postgres',
    // For filling large tables in minutes: neither is felt by what is measured.
    settings: { wal_level: 'minimal', max_wal_senders: '0', max_wal_size: '4GB' },
    detached: false,
  });
  const adminUrl = server.connectionString;
  const urlOf = (name: string): string => {
    const url = new URL(adminUrl);
    url.pathname = `/${name}`;
    return url.href;
  };
  const ask = async (sql: string, values: readonly unknown[] = []): Promise<readonly Record<string, unknown>[]> => {
    const admin = new pg.Client({ connectionString: adminUrl });
    await admin.connect();
    try {
      return (await admin.query<Record<string, unknown>>(sql, [...values])).rows;
    } finally {
      await admin.end();
    }
  };
  const drop = async (name: string): Promise<void> => {
    await ask(`drop database if exists ${name} with (force)`);
  };
  const create = async (name: string): Promise<string> => {
    await drop(name);
    await ask(`create database ${name} template ${TEMPLATE}`);
    return urlOf(name);
  };
  await drop(TEMPLATE);
  await ask(`create database ${TEMPLATE} template template0`);
  await migrateToLatest(urlOf(TEMPLATE));
  const [version] = await ask('show server_version');
  return {
    version: String(version?.['server_version']),
    async fresh(name, schema) {
      if (schema === 'migrated') return create(name);
      await drop(name);
      await ask(`create database ${name} template template0`);
      return urlOf(name);
    },
    async keep(name) {
      const known = await ask('select 1 from pg_database where datname = $1', [name]);
      return known.length > 0 ? { url: urlOf(name), isNew: false } : { url: await create(name), isNew: true };
    },
    drop,
    async durable(on) {
      await ask(`alter system set fsync = ${on ? 'on' : 'off'}`);
      await ask('select pg_reload_conf()');
    },
    stop: () => server.stop(),
  };
}
