import { require as requireTypeScript } from 'tsx/cjs/api';

/** Jest's globalTeardown: stops what globalSetup started and removes the run's data. */
export default async function globalTeardown(): Promise<void> {
  const { removeBuiltApp }: typeof import('./built-app.js') = requireTypeScript('./built-app.ts', import.meta.url);
  await removeBuiltApp();
  await globalThis.flagPromotionsTestServer?.stop();
}
