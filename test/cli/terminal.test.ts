import { PassThrough } from 'node:stream';
import { InterruptedError, NoAnswerError, openTerminal, type Terminal } from '../../src/cli/terminal.js';

let input: PassThrough & { isTTY?: boolean };
let shown: string;
let terminal: Terminal;

function open(isTTY: boolean): void {
  input = new PassThrough();
  input.isTTY = isTTY;
  shown = '';
  const output = new PassThrough();
  output.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  terminal = openTerminal(input, output);
}
afterEach(() => terminal.close());

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('at a terminal', () => {
  beforeEach(() => open(true));

  test('an operator is seen as it is typed, a code is not, nor by going back', async () => {
    const operator = terminal.ask('Operator: ');
    input.write('U0123456789\r');
    expect(await operator).toBe('U0123456789');
    await settled();
    expect(shown).toContain('Operator: ');
    expect(shown).toContain('U0123456789');
    const code = terminal.ask('Code: ', { hidden: true });
    input.write('123\u007F3456\r');
    expect(await code).toBe('123456');
    await settled();
    expect(shown).toContain('Code: ');
    // The arrow up shows no earlier answer.
    const again = terminal.ask('Code again: ');
    input.write('\u001B[A\r');
    expect(await again).toBe('');
    await settled();
    expect(shown.slice(shown.indexOf('Code: '))).not.toMatch(/\d{3}/u);
  });

  test('words typed before the question are no answer to it', async () => {
    input.write('654321\r');
    await settled();
    const code = terminal.ask('Code: ', { hidden: true });
    await settled();
    input.write('123456\r');
    expect(await code).toBe('123456');
  });

  test('Ctrl-C gives up, and so does the end of the input', async () => {
    const asked = expect(terminal.ask('Code: ', { hidden: true })).rejects.toThrow(InterruptedError);
    input.write('12\u0003');
    await asked;
    await expect(terminal.ask('Code: ')).rejects.toThrow(InterruptedError);
    open(true);
    const ended = expect(terminal.ask('Code: ')).rejects.toThrow(NoAnswerError);
    input.write('\u0004');
    await ended;
  });
});

describe('from a pipe', () => {
  beforeEach(() => open(false));

  test('each line answers a question, whatever ends it, and nothing is printed', async () => {
    input.end('U0123456789\r\n  123 456 \nrest');
    expect(await terminal.ask('Operator: ')).toBe('U0123456789');
    expect(await terminal.ask('Code: ', { hidden: true })).toBe('123 456');
    expect(await terminal.ask('More: ')).toBe('rest');
    await expect(terminal.ask('More: ')).rejects.toThrow(NoAnswerError);
    expect(shown).toBe('');
  });
});
