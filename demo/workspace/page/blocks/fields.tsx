import { useContext } from 'react';
import type { Element, Option } from './shapes.js';
import { ReferenceContext, unescaped, Words } from './words.js';

export type Value = string | readonly string[];

export interface FieldProps {
  readonly element: Element;
  /** What was entered; undefined: the initial value. */
  readonly value: Value | undefined;
  readonly onChange: (value: Value) => void;
  readonly id?: string;
  readonly label?: string;
  readonly describedBy?: string | undefined;
  readonly invalid?: boolean;
  readonly required?: boolean;
}

const ONE_LINE: Readonly<Record<string, React.HTMLAttributes<HTMLInputElement>['inputMode']>> = {
  plain_text_input: 'text',
  url_text_input: 'url',
  email_text_input: 'email',
  number_input: 'decimal',
};

/** Whether it asks for a code: its example is one. */
export function isForDigits(element: Element): boolean {
  return /^\d{6}$/u.test(element.placeholder?.text ?? '');
}

/** One field of a form, of any Block Kit type. */
export function Field(props: FieldProps) {
  const { element, value, onChange, id, describedBy, invalid, required } = props;
  const inputMode = ONE_LINE[element.type];
  if (inputMode === undefined) return <Choice {...props} />;
  const common = {
    id,
    value: typeof value === 'string' ? value : '',
    placeholder: element.placeholder?.text,
    'aria-describedby': describedBy,
    'aria-invalid': invalid,
    'aria-required': required,
    'data-focus-on-load': element.focus_on_load,
    onChange: (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => onChange(event.target.value),
  };
  return element.multiline ? (
    <textarea rows={3} {...common} />
  ) : (
    <input
      type="text"
      inputMode={isForDigits(element) ? 'numeric' : inputMode}
      autoComplete="off"
      spellCheck={false}
      {...common}
    />
  );
}

/** Chosen rather than typed. */
export function Choice(props: FieldProps) {
  const { element, value, onChange, id, label, describedBy, invalid } = props;
  const { names } = useContext(ReferenceContext);
  const one = typeof value === 'string' ? value : '';
  const many = typeof value === 'string' ? [value] : (value ?? []);
  const common = {
    id,
    'aria-label': label,
    'aria-describedby': describedBy,
    'aria-invalid': invalid,
    'data-focus-on-load': element.focus_on_load,
  };
  switch (element.type) {
    case 'checkboxes':
    case 'multi_static_select':
      return (
        <Ticks
          {...props}
          type="checkbox"
          ticked={many}
          onTick={(ticked, option) =>
            onChange(ticked ? [...many, option.value] : many.filter((other) => other !== option.value))
          }
        />
      );
    case 'radio_buttons':
      return <Ticks {...props} type="radio" ticked={[one]} onTick={(_, option) => onChange(option.value)} />;
    case 'datepicker':
      return <input type="date" value={one} {...common} onChange={(event) => onChange(event.target.value)} />;
    case 'timepicker':
      return <input type="time" value={one} {...common} onChange={(event) => onChange(event.target.value)} />;
    default: {
      const people = Object.entries(names).map(([user, name]) => ({ value: user, label: `@${name}` }));
      const offered =
        element.type === 'users_select'
          ? people
          : element.options.map((option) => ({ value: option.value, label: unescaped(option.text.text) }));
      return (
        <select value={one} {...common} onChange={(event) => onChange(event.target.value)}>
          <option value="" disabled={one !== ''}>
            {element.placeholder?.text ?? 'Choose an option'}
          </option>
          {offered.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      );
    }
  }
}

interface TicksProps extends FieldProps {
  readonly type: 'checkbox' | 'radio';
  readonly ticked: readonly string[];
  readonly onTick: (ticked: boolean, option: Option) => void;
}

function Ticks({ element, type, ticked, onTick, id, label, describedBy, invalid }: TicksProps) {
  return (
    <fieldset
      className="ticks"
      aria-label={label}
      aria-labelledby={id === undefined ? undefined : `${id}-label`}
      aria-describedby={describedBy}
    >
      {element.options.map((option) => (
        <label key={option.value} className="tick">
          <input
            type={type}
            name={id}
            checked={ticked.includes(option.value)}
            aria-invalid={invalid}
            onChange={(event) => onTick(event.target.checked, option)}
          />
          <span>
            <Words of={option.text} />
            {option.description !== undefined && (
              <small>
                <Words of={option.description} />
              </small>
            )}
          </span>
        </label>
      ))}
    </fieldset>
  );
}
