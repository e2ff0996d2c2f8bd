interface NumberRange {
  readonly least: number;
  readonly most: number;
  /** Whether 0.5 is taken, too; else whole numbers only. */
  readonly takesFractions?: boolean;
}

/** The number that `text` writes out, or in one sentence why it isn't taken. */
export function numberIn(
  name: string,
  text: string,
  { least, most, takesFractions = false }: NumberRange,
): number | string {
  const form = takesFractions ? /^\d{1,10}(?:\.\d{1,10})?$/u : /^\d{1,10}$/u;
  const number = form.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  return `${name} takes a ${takesFractions ? '' : 'whole '}number from ${least} to ${most}, not ${text}.`;
}

/** A script's setting, for which it ends with exit code 2 if it can't be followed: 1 says that something broke. */
export function numberFromEnvironment(name: string, usual: number, range: NumberRange): number {
  const text = process.env[name] ?? '';
  const number = text === '' ? usual : numberIn(name, text, range);
  if (typeof number === 'number') return number;
  process.stderr.write(`${number}\n`);
  process.exit(2);
}

/** Replays a run of `chaos` or `soak`; a new one unless it is set. */
export function chaosSeed(): number {
  const seeds = 2 ** 31;
  return numberFromEnvironment('CHAOS_SEED', Math.floor(Math.random() * seeds), { least: 0, most: seeds - 1 });
}
