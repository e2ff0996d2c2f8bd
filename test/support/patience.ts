/** Multiplies the app's time limits in tests: enough for a machine busy with five other things, too little to sit out a hang. */
export const PATIENCE = 5;
