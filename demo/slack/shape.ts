import { randomBytes } from 'node:crypto';
import { z } from 'zod';

/*
 * What Slack changes in blocks when it stores them: each gets an id, and texts get explicit defaults. An app that
 * compares what it reads with what it sent would notice.
 */

const objects = z.array(z.record(z.string(), z.unknown()));

/** An id as Slack makes one up for a block without. */
const blockId = (): string => randomBytes(4).toString('base64url').slice(0, 5);

export function storedBlocks(blocks: unknown): Record<string, unknown>[] {
  const parsed = objects.safeParse(blocks);
  if (!parsed.success) return [];
  return parsed.data.map((block) => {
    const { type, ...rest } = block;
    return { type, block_id: blockId(), ...objectOf(withTextDefaults(rest)) };
  });
}

/** Attachments as Slack stores them: numbered, with a fallback, and their colour without its `#`. */
export function storedAttachments(attachments: unknown): Record<string, unknown>[] {
  const parsed = objects.safeParse(attachments);
  if (!parsed.success) return [];
  return parsed.data.map(({ blocks, color, ...rest }, index) => ({
    id: index + 1,
    fallback: '[no preview available]',
    ...rest,
    ...(typeof color === 'string' ? { color: color.replace(/^#/u, '') } : {}),
    ...(blocks === undefined ? {} : { blocks: storedBlocks(blocks) }),
  }));
}

function objectOf(value: unknown): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(value);
}

function withTextDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTextDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const copied: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withTextDefaults(inner)]),
  );
  if (copied['type'] === 'plain_text' && copied['emoji'] === undefined) copied['emoji'] = true;
  if (copied['type'] === 'mrkdwn' && copied['verbatim'] === undefined) copied['verbatim'] = false;
  return copied;
}
