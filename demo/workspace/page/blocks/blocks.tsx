import type { BlockData } from '../../protocol/snapshot.js';
import { ActionElement, type OnAction } from './action-element.js';
import { actions, input, section, storedPicture } from './shapes.js';
import { Drawn, Words } from './words.js';

export interface BlocksProps {
  readonly blocks: readonly BlockData[];
  readonly onAction: OnAction;
  /** Draws a modal's input; the modal keeps its value. */
  readonly renderInput?: (block: BlockData) => React.ReactNode;
}

/** Block Kit: slack-blocks-to-jsx draws what is only read; we draw what can be used. */
export function Blocks({ blocks, onAction, renderInput }: BlocksProps) {
  return blocks.map((block, index) => {
    const { block_id: id } = block;
    return (
      <div key={typeof id === 'string' ? id : index} className={`block block-${block.type}`}>
        {renderInput !== undefined && input.safeParse(block).success ? (
          renderInput(block)
        ) : (
          <OneBlock block={block} onAction={onAction} />
        )}
      </div>
    );
  });
}

function OneBlock({ block, onAction }: { readonly block: BlockData; readonly onAction: OnAction }) {
  const buttons = actions.safeParse(block);
  if (buttons.success) {
    return buttons.data.elements.map((element) => (
      <ActionElement key={`${element.action_id} ${element.value ?? ''}`} element={element} onAction={onAction} />
    ));
  }
  const text = section.safeParse(block);
  if (text.success) return <Section of={text.data} onAction={onAction} />;
  const picture = storedPicture.safeParse(block);
  if (picture.success) return <img src={`/files/${picture.data.slack_file.id}`} alt={picture.data.alt_text} />;
  return <Drawn block={block} />;
}

function Section({
  of: { text, fields, accessory },
  onAction,
}: {
  readonly of: ReturnType<typeof section.parse>;
  readonly onAction: OnAction;
}) {
  return (
    <>
      <div className="section-words">
        {text !== undefined && <Words of={text} />}
        {fields.length > 0 && (
          <div className="section-fields">
            {fields.map((field) => (
              <div key={field.text}>
                <Words of={field} />
              </div>
            ))}
          </div>
        )}
      </div>
      {accessory !== undefined && (
        <div className="section-accessory">
          {accessory.type === 'image' ? (
            <img src={accessory.image_url} alt={accessory.alt_text} />
          ) : (
            <ActionElement element={accessory.element} onAction={onAction} />
          )}
        </div>
      )}
    </>
  );
}
