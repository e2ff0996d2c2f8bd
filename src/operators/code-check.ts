/** The outcome of checking a typed code. The operators' table stores the parts that have to last. */
export type CodeCheck = AcceptedCode | RefusedCode;

export type AcceptedCode =
  | { readonly kind: 'accepted'; readonly step: number }
  /** A recovery code instead of a TOTP code: its stored hash, and how many are left after it. */
  | { readonly kind: 'accepted'; readonly recoveryCode: string; readonly left: number };

export type RefusedCode =
  | {
      readonly kind: 'rejected';
      readonly reason: 'malformed' | 'wrong' | 'reused';
      readonly failedAttempts: number;
      /** Set if this very attempt locked the operator. */
      readonly lockedUntil: Date | null;
    }
  | { readonly kind: 'locked'; readonly lockedUntil: Date }
  /** The app lacks the key that sealed their secret: the code was not checked. */
  | { readonly kind: 'unreadable' };

/** A guess that locked the operator. */
export function isLock(
  check: RefusedCode,
): check is RefusedCode & { readonly kind: 'rejected'; readonly lockedUntil: Date } {
  return check.kind === 'rejected' && check.lockedUntil !== null;
}

/** In one word, for the log, the audit log and the metrics. */
export function refusalWord(check: RefusedCode): string {
  return check.kind === 'rejected' ? check.reason : check.kind;
}
