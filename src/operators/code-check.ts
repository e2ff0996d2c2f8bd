/** The outcome of checking what was typed as a code. The operators' table stores the part of it that has to last. */
export type CodeCheck = AcceptedCode | RefusedCode;

export type AcceptedCode =
  | { readonly kind: 'accepted'; readonly step: number }
  /** A recovery code in place of a TOTP code: its stored hash, and how many are left without it. */
  | { readonly kind: 'accepted'; readonly recoveryCode: string; readonly left: number };

export type RefusedCode =
  | {
      readonly kind: 'rejected';
      readonly reason: 'malformed' | 'wrong' | 'reused';
      readonly failedAttempts: number;
      /** Set if this very attempt locked the operator. */
      readonly lockedUntil: Date | null;
    }
  | { readonly kind: 'locked'; readonly lockedUntil: Date };
