import { presentableValue } from '../promotions/evidence.js';
import { SEALED_VALUE } from '../promotions/set-back.js';
import { type SecretBox, SecretBoxError } from '../operators/secret-box.js';
import type { Knex } from './connection.js';

/**
 * A revert needs Heroku's previous value, which may be a secret. What an alert would mask is sealed, bound to its row;
 * what another system wrote there stays as it is.
 */
export class SealedValues {
  /** `box` null: seals nothing. For tests of other things. */
  constructor(private readonly box: SecretBox | null) {}

  seal(value: string | null, promotionId: string): string | null {
    if (this.box === null || presentableValue(value).kind !== 'masked' || value === null) return value;
    return `${SEALED_VALUE}${this.box.seal(value, boundTo(promotionId))}`;
  }

  /** What can't be opened stays sealed and counts as unknown: see `setBackOf`. */
  open(value: string, promotionId: string): string {
    if (this.box === null || !value.startsWith(SEALED_VALUE)) return value;
    try {
      return this.box.open(value.slice(SEALED_VALUE.length), boundTo(promotionId));
    } catch (error) {
      if (error instanceof SecretBoxError) return value;
      throw error;
    }
  }

  /** Opens `previous_value` in any promotions' rows that a statement answers. */
  openIn(rows: readonly unknown[]): void {
    for (const row of rows) {
      if (typeof row !== 'object' || row === null || !('previous_value' in row) || !('id' in row)) return;
      if (typeof row.previous_value === 'string') row.previous_value = this.open(row.previous_value, String(row.id));
    }
  }
}

/** Binds a sealed value to its row: moved to another, it doesn't open. */
export const boundTo = (promotionId: string): string => `previous_value of promotion ${promotionId}`;

/** @throws if the connection isn't from one of this app's pools */
export function sealedValuesOf(runner: Knex): SealedValues {
  const { values }: Readonly<Record<string, unknown>> = runner.userParams;
  if (!(values instanceof SealedValues)) throw new Error('This connection seals no values.');
  return values;
}
