import { require as requireTypeScript } from 'tsx/cjs/api';
import type { TestServer } from './database.js';

declare global {
  var flagPromotionsTestServer: TestServer | undefined;
}

/** Jest's globalSetup: one PostgreSQL server for the run, with the project's schema in a template database. */
export default async function globalSetup(): Promise<void> {
  // Here Jest's resolver, which finds a .ts file by its .js name, isn't active.
  const support: typeof import('./database.js') = requireTypeScript('./database.ts', import.meta.url);
  globalThis.flagPromotionsTestServer = await support.startTestServer();
}
