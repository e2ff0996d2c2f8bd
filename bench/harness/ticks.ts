/** How many ticks of the watchdog have completed in a process. */
export async function ticksOf(appUrl: string): Promise<number> {
  const answer = await fetch(`${appUrl}/metrics`);
  const line = /^flag_promotions_maintenance_ticks_total\{outcome="completed"\} (\d+)$/mu.exec(await answer.text());
  return Number(line?.[1] ?? 0);
}
