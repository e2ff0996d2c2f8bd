import path from 'node:path';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.js';
import { migrateToLatest } from '../../src/db/migrate.js';
import { ROOT } from './processes.js';

/** A run's one PostgreSQL: the embedded one, with its shipped settings. */
export interface BenchServer {
  readonly version: string;
  /** A new database, with the project's schema or empty; drops one of the same name first. */
  fresh(name: string, schema: 'migrated' | 'empty'): Promise<string>;
  /** A database that may exist from an earlier run; its address either way. */
  keep(name: string): Promise<{ readonly url: string; readonly isNew: boolean }>;
  drop(name: string): Promise<void>;
  /** Whether commits wait for the disk. They do, except while large tables are filled. */
  durable(on: boolean): Promise<void>;
  stop(): Promise<void>;
}

const TEMPLATE = 'bench_template';

/** Starts it in `bench/.cache`, where large tables are kept between runs. */
export async function startBenchServer(): Promise<BenchServer> {
  const server = await startEmbeddedPostgres({
    dataDir: path.join(ROOT, 'bench/.cache'),
    create: true,
    database: 'postgres',
    // Fills large tables in minutes, without an effect on measurements.
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
