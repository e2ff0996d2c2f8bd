/** Jest's globalTeardown: stops what globalSetup started and removes its data. */
export default async function globalTeardown(): Promise<void> {
  await globalThis.flagPromotionsTestServer?.stop();
}
