/** A set of ids, most of them consecutive. */
export class IdRanges {
  /** Sorted, disjoint and not adjacent. */
  readonly #ranges: { from: bigint; to: bigint }[] = [];

  /** False if it holds the id already. */
  add(id: bigint): boolean {
    const at = this.#after(id);
    const before = this.#ranges[at - 1];
    const next = this.#ranges[at];
    if (before !== undefined && id <= before.to) return false;
    const joins = before !== undefined && before.to + 1n === id;
    const precedes = next !== undefined && next.from === id + 1n;
    if (joins && precedes) {
      before.to = next.to;
      this.#ranges.splice(at, 1);
    } else if (joins) before.to = id;
    else if (precedes) next.from = id;
    else this.#ranges.splice(at, 0, { from: id, to: id });
    return true;
  }

  /** The gaps: each after `from` and before `to`, both exclusive; null: no end. */
  gapsAfter(start: bigint): readonly { readonly from: bigint; readonly to: bigint | null }[] {
    const gaps: { from: bigint; to: bigint | null }[] = [];
    let from = start;
    for (const range of this.#ranges) {
      if (range.from > from + 1n) gaps.push({ from, to: range.from });
      if (range.to > from) from = range.to;
    }
    return [...gaps, { from, to: null }];
  }

  /** How many ranges begin at or before an id. */
  #after(id: bigint): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const range = this.#ranges[middle];
      if (range !== undefined && range.from <= id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
