import { z } from 'zod';
import { assertEnterable, type FieldValue, fieldState } from './form.js';

/** An element that a person can click on, and where it is. */
export interface Found {
  readonly element: Element;
  readonly blockId: string;
  readonly inAttachment: boolean;
}

const elementShape = z.looseObject({ type: z.string(), action_id: z.string(), value: z.string().optional() });
type Element = z.output<typeof elementShape>;

const blockShape = z.looseObject({
  block_id: z.string(),
  elements: z.array(z.unknown()).default([]),
  accessory: z.unknown().optional(),
  element: z.unknown().optional(),
  dispatch_action: z.boolean().default(false),
});

/**
 * The element with this action id, in blocks or attachments. If several buttons share it, `value` picks one. @throws if
 * none is visible
 */
export function findElement(
  where: { readonly blocks: readonly unknown[]; readonly attachments?: readonly unknown[] },
  actionId: string,
  value: FieldValue | undefined,
): Found {
  const inside = (where.attachments ?? []).flatMap(
    (attachment) => z.looseObject({ blocks: z.array(z.unknown()).default([]) }).parse(attachment).blocks,
  );
  const found = [
    ...where.blocks.flatMap((block) => elementsOf(block, false)),
    ...inside.flatMap((block) => elementsOf(block, true)),
  ].find(
    ({ element }) =>
      element.action_id === actionId && (element.type !== 'button' || value === undefined || element.value === value),
  );
  if (found === undefined) {
    throw new Error(`There is no ${actionId} to click on in ${JSON.stringify(where.blocks).slice(0, 500)}.`);
  }
  return found;
}

function elementsOf(block: unknown, inAttachment: boolean): Found[] {
  const parsed = blockShape.safeParse(block);
  if (!parsed.success) return [];
  const { block_id: blockId, elements, accessory, element, dispatch_action: dispatches } = parsed.data;
  // An input reports changes only if asked to.
  return [...elements, accessory, ...(dispatches ? [element] : [])].flatMap((candidate) => {
    const one = elementShape.safeParse(candidate);
    return one.success ? [{ element: one.data, blockId, inAttachment }] : [];
  });
}

/** A click in block_actions (https://docs.slack.dev/reference/interaction-payloads/block_actions-payload). */
export function actionOf({ element, blockId }: Found, value: FieldValue | undefined): Record<string, unknown> {
  const common = {
    action_id: element.action_id,
    block_id: blockId,
    action_ts: `${Date.now() / 1000}`,
    ...(element['placeholder'] === undefined ? {} : { placeholder: element['placeholder'] }),
    ...(element['confirm'] === undefined ? {} : { confirm: element['confirm'] }),
  };
  if (element.type === 'button') {
    const { type, text, value: own, url, style } = element;
    return {
      ...common,
      type,
      text,
      ...(own === undefined ? {} : { value: own }),
      ...(url === undefined ? {} : { url }),
      ...(style === undefined ? {} : { style }),
    };
  }
  if (value === undefined) throw new Error(`Say what is chosen or entered in ${element.action_id}.`);
  const asInput = [{ type: 'input', block_id: blockId, element }];
  assertEnterable(asInput, { [blockId]: value });
  return { ...common, ...fieldState(element, value) };
}
