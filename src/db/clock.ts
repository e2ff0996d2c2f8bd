/** The present, as the database has it: see leases.ts. */
export const CLOCK = 'flag_promotions.clock()';
