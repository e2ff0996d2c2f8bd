/** How often each thing goes wrong, each in [0, 1]. */
export interface Weather {
  /** Takes seconds, not milliseconds. */
  readonly slow: number;
  /** No connection is made. */
  readonly unreachable: number;
  /** The request never arrives; the sender waits for nothing. */
  readonly lostOnItsWay: number;
  /** It takes effect, and its answer never arrives. */
  readonly lostAnswer: number;
  /** The connection breaks, while the request goes on and arrives late. */
  readonly late: number;
  /** It arrives twice. */
  readonly doubled: number;
  /** It is refused without effect: too many requests. */
  readonly limited: number;
  /** It is answered with a 5xx; half of the time it still takes effect, at once or late. */
  readonly failing: number;
}

export const FAIR: Weather = {
  slow: 0,
  unreachable: 0,
  lostOnItsWay: 0,
  lostAnswer: 0,
  late: 0,
  doubled: 0,
  limited: 0,
  failing: 0,
};

/** What happens to one request. Milliseconds, each from the previous moment. */
export interface Fate {
  /** null: never connected. */
  readonly connectMs: number | null;
  /** When it arrives after it was written; twice if doubled, never if empty. */
  readonly arrivesMs: readonly number[];
  readonly refusal: 'limited' | 'failing' | null;
  /** null: no answer arrives. */
  readonly answerMs: number | null;
  /** The sender's connection breaks this long after it wrote. */
  readonly breaksMs: number | null;
}

/**
 * A written request takes effect within this time or never. The wait before a second PATCH relies on it, together with
 * a call's deadline, which bounds the time between announcing and writing.
 */
export const LONGEST_FLIGHT_MS = 19_000;

export function fateOf(random: () => number, weather: Weather): Fate {
  const takes = () => (random() < weather.slow ? 500 + random() * 11_000 : 1 + random() * 40);
  const happens = (chance: number) => chance > 0 && random() < chance;
  const normal: Fate = {
    connectMs: happens(weather.slow) ? takes() : random() * 5,
    arrivesMs: [takes()],
    refusal: null,
    answerMs: takes(),
    breaksMs: null,
  };
  if (happens(weather.unreachable)) return { ...normal, connectMs: null };
  if (happens(weather.limited)) return { ...normal, refusal: 'limited' };
  if (happens(weather.lostOnItsWay)) return { ...normal, arrivesMs: [], answerMs: null };
  if (happens(weather.lostAnswer)) return { ...normal, answerMs: null };
  const late = random() * LONGEST_FLIGHT_MS;
  if (happens(weather.late)) return { ...normal, arrivesMs: [late], answerMs: null, breaksMs: random() * 1_000 };
  if (happens(weather.failing)) {
    const arrivesMs = random() < 0.5 ? [] : [random() < 0.5 ? takes() : late];
    return { ...normal, arrivesMs, refusal: 'failing', answerMs: random() * 3_000 };
  }
  const [first = 0] = normal.arrivesMs;
  return happens(weather.doubled) ? { ...normal, arrivesMs: [first, first + random() * 20] } : normal;
}
