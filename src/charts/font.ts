import { createRequire } from 'node:module';

export const FONT = 'DejaVu Sans';
export const FONT_PACKAGE = 'dejavu-fonts-ttf';
/** The weights in the chart; the build copies only these. */
export const FONT_FILES = [`${FONT_PACKAGE}/ttf/DejaVuSans.ttf`, `${FONT_PACKAGE}/ttf/DejaVuSans-Bold.ttf`] as const;

/** @throws if one is not installed */
export function fontFiles(): string[] {
  const { resolve } = createRequire(import.meta.url);
  return FONT_FILES.map((file) => resolve(file));
}
