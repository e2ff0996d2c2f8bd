import { numberIn } from '../../scripts/numbers.js';
import { MOST_SEED } from './explore.js';

const LEAST = { seconds: 1, steps: 1, seed: 0, promotions: 1, replicas: 1 } as const;
type Name = keyof typeof LEAST;
export type SimulateOptions = Readonly<Partial<Record<Name, number>>>;

const USE = 'Use [--seconds N | --steps N] [--seed S], or --promotions N [--replicas N] [--seed S].';
const MOST = 9_999_999_999;
/** Together they mean nothing, and one would be ignored. */
const NOT_TOGETHER = [
  ['seconds', 'steps'],
  ['seconds', 'promotions'],
  ['steps', 'promotions'],
] as const;

/** What the words after `npm run simulate --` ask for, or in one sentence why they can't be followed. */
export function readOptions(words: readonly string[]): SimulateOptions | string {
  const options: Partial<Record<Name, number>> = {};
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const [, name = '', joined] = /^--([a-z]+)(?:=(.*))?$/su.exec(word) ?? [];
    if (!isName(name)) return `${word} is not an option. ${USE}`;
    if (options[name] !== undefined) return `--${name} was given twice.`;
    if (joined === undefined) at += 1;
    const number = numberOf(name, joined ?? words[at] ?? 'nothing');
    if (typeof number === 'string') return number;
    options[name] = number;
  }
  return whyNotTogether(options) ?? options;
}

function numberOf(name: Name, text: string): number | string {
  return numberIn(`--${name}`, text, { least: LEAST[name], most: name === 'seed' ? MOST_SEED - 1 : MOST });
}

function whyNotTogether(options: SimulateOptions): string | null {
  for (const [one, other] of NOT_TOGETHER)
    if (options[one] !== undefined && options[other] !== undefined) return `Give --${one} or --${other}, not both.`;
  return options.replicas !== undefined && options.promotions === undefined ? '--replicas needs --promotions.' : null;
}

const isName = (name: string): name is Name => Object.hasOwn(LEAST, name);
