/** Now, by the database's clock: see leases.ts. */
export const CLOCK = 'flag_promotions.clock()';
