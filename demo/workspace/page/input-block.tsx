import { useId } from 'react';
import type { Entered } from '../protocol/acts.js';
import type { BlockData } from '../protocol/snapshot.js';
import { Field, type Value } from './blocks/fields.js';
import { unescaped } from './blocks/words.js';
import { inputsOf } from './drafts.js';

/** An input with its label, its hint, and its error. */
export function InputBlock({
  block,
  values,
  errors,
  onEnter,
}: {
  readonly block: BlockData;
  readonly values: Entered;
  readonly errors: Readonly<Record<string, string>>;
  readonly onEnter: (value: Value) => void;
}) {
  const id = useId();
  const [field] = inputsOf([block]);
  if (field === undefined) return null;
  const { block_id: blockId, label, hint, optional, element } = field;
  const error = errors[blockId];
  const isGroup =
    element.type === 'checkboxes' || element.type === 'radio_buttons' || element.type === 'multi_static_select';
  const words = (
    <>
      {unescaped(label.text)} {optional && <span className="optional">(optional)</span>}
    </>
  );
  const describedBy = [error === undefined ? '' : `${id}-error`, hint === undefined ? '' : `${id}-hint`]
    .filter((one) => one !== '')
    .join(' ');
  return (
    <div className={`field ${error === undefined ? '' : 'wrong'}`}>
      {isGroup ? (
        <span className="field-label" id={`${id}-label`}>
          {words}
        </span>
      ) : (
        <label className="field-label" htmlFor={id}>
          {words}
        </label>
      )}
      <Field
        element={element}
        value={values[blockId]}
        onChange={onEnter}
        id={id}
        describedBy={describedBy === '' ? undefined : describedBy}
        invalid={error !== undefined}
        required={!optional}
      />
      {error !== undefined && (
        <p className="field-error" id={`${id}-error`} role="alert">
          <span aria-hidden="true">⚠ </span>
          {unescaped(error)}
        </p>
      )}
      {hint !== undefined && (
        <p className="field-hint" id={`${id}-hint`}>
          {unescaped(hint.text)}
        </p>
      )}
    </div>
  );
}
