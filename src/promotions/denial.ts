/** The person lacks a right: it is recorded, and they learn whom to ask. */
const DENIALS = ['not_superadmin', 'not_operator', 'same_person'] as const;
type DenialKind = (typeof DENIALS)[number];

/** Whether the person lacked a right; else the promotion was in the wrong state. */
export function isDenial<R extends { readonly kind: string }>(
  refusal: R,
): refusal is Extract<R, { readonly kind: DenialKind }> {
  return DENIALS.some((kind) => kind === refusal.kind);
}
