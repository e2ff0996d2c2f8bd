import { createInterface } from 'node:readline/promises';
import { type Role, ROLES } from './operators/operator.js';

/** Asks at a terminal until the answer is a role. An empty line or the end of input means the lesser one. */
export async function askRole(terminal: {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}): Promise<Role> {
  terminal.output.write(
    'An engineer marks, cancels, links RCAs and snoozes. A superadmin also promotes and resolves.\n',
  );
  const lines = createInterface(terminal);
  const ended = new Promise<null>((resolve) => lines.once('close', () => resolve(null)));
  try {
    for (;;) {
      const typed = await Promise.race([lines.question('Role, engineer or superadmin [engineer]: '), ended]);
      const said = (typed ?? '').trim().toLowerCase();
      const role = said === '' ? 'engineer' : ROLES.find((name) => name.startsWith(said));
      if (role !== undefined) return role;
    }
  } finally {
    lines.close();
  }
}
