import type PgBoss from 'pg-boss';

/** Whoever drops a database ends its sessions with this SQLSTATE (admin_shutdown). */
const ENDED_BY_ADMINISTRATOR = '57P01';

/**
 * Stops it at once. Its pool answers that it is closed while sessions may still be closing: dropping their database ends
 * them as well, which pg-boss would raise, and with nobody to hear it end the bench.
 */
export async function stopBoss(boss: PgBoss): Promise<void> {
  boss.on('error', (error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === ENDED_BY_ADMINISTRATOR)) throw error;
  });
  await boss.stop({ graceful: false });
}
