import { debugFaults } from '../src/debug-output.js';

test.each([
  [{}, 0],
  [{ NODE_DEBUG: '', DEBUG: ' ' }, 0],
  [{ NODE_DEBUG: 'module,timer' }, 0],
  [{ NODE_DEBUG: 'http' }, 1],
  [{ NODE_DEBUG: 'HTTP' }, 1],
  [{ NODE_DEBUG: 'module, tls' }, 1],
  [{ NODE_DEBUG: 'h*' }, 1],
  [{ NODE_DEBUG: '*' }, 1],
  [{ NODE_DEBUG: 'undici' }, 1],
  [{ DEBUG: '*' }, 1],
  [{ DEBUG: 'http' }, 1],
  [{ DEBUG: 'knex:*' }, 1],
  [{ DEBUG: 'foo knex:bindings' }, 1],
  [{ DEBUG: 'knex:*,-knex:*' }, 0],
  [{ DEBUG: 'some-other-app' }, 0],
  [{ DEBUG: '*', NODE_DEBUG: 'net' }, 2],
  // Whatever others wrote into it.
  [{ DEBUG: '((((' }, 0],
])('%j has %i faults', (environment, faults) => {
  expect(debugFaults(environment)).toHaveLength(faults);
});

test('says which variable it is, and what to do, in one sentence', () => {
  expect(debugFaults({ NODE_DEBUG: 'http' })).toEqual([
    'NODE_DEBUG=http would print tokens and what people type: unset it',
  ]);
});
