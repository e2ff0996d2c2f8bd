import cronParser from 'cron-parser';

const RINGS = 3;

/** How long it takes from a moment on until the cron has rung three times. */
export function untilThirdRing(cron: string, from: Date): number {
  const schedule = cronParser.parseExpression(cron, { currentDate: from });
  let ring = from;
  for (let count = 0; count < RINGS; count += 1) ring = schedule.next().toDate();
  return ring.getTime() - from.getTime();
}

/** How long before a moment the last but two of its rings was. */
export function sinceThirdRing(cron: string, to: Date): number {
  const schedule = cronParser.parseExpression(cron, { currentDate: to });
  let ring = to;
  for (let count = 0; count < RINGS; count += 1) ring = schedule.prev().toDate();
  return to.getTime() - ring.getTime();
}
