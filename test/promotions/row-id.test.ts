import { isRowId } from '../../src/promotions/row-id.js';

test.each(['1', '0', '-1', '999999999999999999', '1000000000000000000', '9223372036854775807', '-9223372036854775808'])(
  '%s is an id',
  (text) => expect(isRowId(text)).toBe(true),
);

test.each(['', '-', '-0', '01', '+1', ' 1', '1\n', '1.0', '1e3', '9223372036854775808', '-9223372036854775809', '٣'])(
  '%j is none, as PostgreSQL writes them or takes them',
  (text) => expect(isRowId(text)).toBe(false),
);
