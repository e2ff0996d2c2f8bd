import fc from 'fast-check';
import { assertMessage, assertView, checkMessage, checkView } from '../../demo/slack/block-kit.js';

/** Tests the checker itself against Slack's published limits: each one at its edge, and beyond. */

type Json = Readonly<Record<string, unknown>>;

const x = (length: number) => 'x'.repeat(length);
const many = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));
const plain = (text: string, more: Json = {}) => ({ type: 'plain_text', text, ...more });
const mrkdwn = (text: string, more: Json = {}) => ({ type: 'mrkdwn', text, ...more });
const webAddress = (length: number) => 'https://docs.example.com/'.padEnd(length, 'x');
const option = (value: string, more: Json = {}) => ({ text: plain('An option'), value, ...more });
const choices = (count: number) => many(count, (index) => option(`v${index}`));

const divider = { type: 'divider' };
const section = (more: Json = {}) => ({ type: 'section', text: mrkdwn('Words'), ...more });
const header = (text: unknown) => ({ type: 'header', text });
const context = (elements: unknown) => ({ type: 'context', elements });
const actions = (elements: unknown, more: Json = {}) => ({ type: 'actions', elements, ...more });
const input = (element: unknown, more: Json = {}) => ({ type: 'input', label: plain('A label'), element, ...more });

const message = (more: Json = {}) => ({ channel: 'C0123456789', text: 'Words', ...more });
const inMessage = (...blocks: unknown[]) => message({ blocks });
const modal = (more: Json = {}) => ({
  type: 'modal',
  title: plain('A title'),
  submit: plain('Save'),
  close: plain('Close'),
  blocks: [section()],
  ...more,
});
const home = (more: Json = {}) => ({ type: 'home', blocks: [section()], ...more });

const element = (type: string, parts: Json) => (more: Json) => ({ type, action_id: 'act', ...parts, ...more });
const button = element('button', { text: plain('Press') });
const overflow = element('overflow', { options: choices(1) });
const staticSelect = element('static_select', { options: choices(2) });
const multiStaticSelect = element('multi_static_select', { options: choices(3) });
const usersSelect = element('users_select', {});
const conversationsSelect = element('conversations_select', {});
const checkboxes = element('checkboxes', { options: choices(2) });
const radioButtons = element('radio_buttons', { options: choices(2) });
const datepicker = element('datepicker', {});
const timepicker = element('timepicker', {});
const plainTextInput = element('plain_text_input', {});
const urlTextInput = element('url_text_input', {});
const numberInput = element('number_input', { is_decimal_allowed: false });
const image = (more: Json = {}) => ({
  type: 'image',
  image_url: webAddress(40),
  alt_text: 'A graph',
  ...more,
});
const confirm = (more: Json = {}) => ({
  title: plain('Sure?'),
  text: mrkdwn('It is *final*.'),
  confirm: plain('Yes'),
  deny: plain('No'),
  ...more,
});
const richText = (...elements: unknown[]) => ({ type: 'rich_text', elements });
const richSection = (...elements: unknown[]) => ({ type: 'rich_text_section', elements });

/** Something allowed, something that isn't, and the place that has to be named. */
type Rule = readonly [rule: string, good: unknown, bad: unknown, path: string];

function inActions(rule: string, good: Json, bad: Json, path: string): Rule {
  return [rule, inMessage(actions([good])), inMessage(actions([bad])), `/blocks/0/elements/0${path}`];
}
function inInput(rule: string, good: Json, bad: Json, path: string): Rule {
  return [rule, modal({ blocks: [input(good)] }), modal({ blocks: [input(bad)] }), `/blocks/0/element${path}`];
}
function inBlock(rule: string, good: Json, bad: Json, path: string): Rule {
  return [rule, inMessage(good), inMessage(bad), `/blocks/0${path}`];
}
function inView(rule: string, good: Json, bad: Json, path: string): Rule {
  return [rule, modal(good), modal(bad), path];
}
function inBody(rule: string, good: Json, bad: Json, path: string): Rule {
  return [rule, message(good), message(bad), path];
}

const isView = (payload: unknown) =>
  typeof payload === 'object' && payload !== null && 'type' in payload && !('channel' in payload);
const check = (payload: unknown) => (isView(payload) ? checkView(payload) : checkMessage(payload));
const pathsOf = (payload: unknown) => check(payload).map(({ path }) => path);

const ELEMENTS: readonly Rule[] = [
  inActions(
    'a checkbox has at most 75 characters',
    checkboxes({ options: [option('v', { text: mrkdwn(x(75)) })] }),
    checkboxes({ options: [option('v', { text: mrkdwn(x(76)) })] }),
    '/options/0/text/text',
  ),
  inActions(
    'a checkbox is described in at most 75 characters',
    checkboxes({ options: [option('v', { description: mrkdwn(x(75)) })] }),
    checkboxes({ options: [option('v', { description: mrkdwn(x(76)) })] }),
    '/options/0/description/text',
  ),
  inActions(
    'a button has at most 75 characters',
    button({ text: plain(x(75)) }),
    button({ text: plain(x(76)) }),
    '/text/text',
  ),
  inActions(
    'a button’s text is plain',
    button({ text: plain(':x:', { emoji: true }) }),
    button({ text: mrkdwn('x') }),
    '/text/type',
  ),
  inActions('a button’s text is there', button({}), button({ text: undefined }), '/text'),
  inActions(
    'a button’s value has at most 2,000 characters',
    button({ value: x(2_000) }),
    button({ value: x(2_001) }),
    '/value',
  ),
  inActions('a button’s value is a string', button({ value: '7' }), button({ value: 7 }), '/value'),
  inActions(
    'a button’s address has at most 3,000 characters',
    button({ url: webAddress(3_000) }),
    button({ url: webAddress(3_001) }),
    '/url',
  ),
  inActions(
    'a button opens addresses on the web',
    button({ url: 'http://example.com' }),
    button({ url: 'javascript:alert(1)' }),
    '/url',
  ),
  inActions(
    'a button’s address is whole',
    button({ url: 'https://example.com/a?b=c&d=e|f' }),
    button({ url: 'https://' }),
    '/url',
  ),
  inActions(
    'an action_id has at most 255 characters',
    button({ action_id: x(255) }),
    button({ action_id: x(256) }),
    '/action_id',
  ),
  inActions('an action_id is not empty', button({ action_id: 'a' }), button({ action_id: '' }), '/action_id'),
  inActions('an element has an action_id', button({}), button({ action_id: undefined }), '/action_id'),
  inActions('a button is primary', button({ style: 'primary' }), button({ style: 'default' }), '/style'),
  inActions('a button is dangerous', button({ style: 'danger' }), button({ style: 'warning' }), '/style'),
  inActions(
    'a button is read out in at most 75 characters',
    button({ accessibility_label: x(75) }),
    button({ accessibility_label: x(76) }),
    '/accessibility_label',
  ),
  inActions(
    'a button is read out in words',
    button({ accessibility_label: 'x' }),
    button({ accessibility_label: '' }),
    '/accessibility_label',
  ),
  inActions('a button can’t be focused', button({}), button({ focus_on_load: true }), '/focus_on_load'),
  inActions(
    'a confirmation’s title has at most 100 characters',
    button({ confirm: confirm({ title: plain(x(100)) }) }),
    button({ confirm: confirm({ title: plain(x(101)) }) }),
    '/confirm/title/text',
  ),
  inActions(
    'a confirmation’s text has at most 300 characters',
    button({ confirm: confirm({ text: plain(x(300)) }) }),
    button({ confirm: confirm({ text: plain(x(301)) }) }),
    '/confirm/text/text',
  ),
  inActions(
    'a confirmation’s yes has at most 30 characters',
    button({ confirm: confirm({ confirm: plain(x(30)) }) }),
    button({ confirm: confirm({ confirm: plain(x(31)) }) }),
    '/confirm/confirm/text',
  ),
  inActions(
    'a confirmation’s no has at most 30 characters',
    button({ confirm: confirm({ deny: plain(x(30)) }) }),
    button({ confirm: confirm({ deny: plain(x(31)) }) }),
    '/confirm/deny/text',
  ),
  inActions(
    'a confirmation’s yes is plain',
    button({ confirm: confirm() }),
    button({ confirm: confirm({ confirm: mrkdwn('Yes') }) }),
    '/confirm/confirm/type',
  ),
  inActions(
    'a confirmation is primary or dangerous',
    button({ confirm: confirm({ style: 'danger' }) }),
    button({ confirm: confirm({ style: 'x' }) }),
    '/confirm/style',
  ),
  inActions(
    'an overflow menu has at most 5 options',
    overflow({ options: choices(5) }),
    overflow({ options: choices(6) }),
    '/options',
  ),
  inActions('an overflow menu has an option', overflow({ options: choices(1) }), overflow({ options: [] }), '/options'),
  inActions(
    'an option has at most 75 characters',
    overflow({ options: [option('v', { text: plain(x(75)) })] }),
    overflow({ options: [option('v', { text: plain(x(76)) })] }),
    '/options/0/text/text',
  ),
  inActions(
    'an option of a menu is plain',
    overflow({ options: [option('v')] }),
    overflow({ options: [option('v', { text: mrkdwn('x') })] }),
    '/options/0/text/type',
  ),
  inActions(
    'an option’s value has at most 150 characters',
    overflow({ options: [option(x(150))] }),
    overflow({ options: [option(x(151))] }),
    '/options/0/value',
  ),
  inActions(
    'an option’s value is not empty',
    overflow({ options: [option('v')] }),
    overflow({ options: [option('')] }),
    '/options/0/value',
  ),
  inActions(
    'an option’s description has at most 75 characters',
    overflow({ options: [option('v', { description: plain(x(75)) })] }),
    overflow({ options: [option('v', { description: plain(x(76)) })] }),
    '/options/0/description/text',
  ),
  inActions(
    'an option’s address has at most 3,000 characters',
    overflow({ options: [option('v', { url: webAddress(3_000) })] }),
    overflow({ options: [option('v', { url: webAddress(3_001) })] }),
    '/options/0/url',
  ),
  inActions(
    'only an overflow menu’s option has an address',
    overflow({ options: [option('v', { url: webAddress(40) })] }),
    staticSelect({ options: [option('v', { url: webAddress(40) })] }),
    '/options/0/url',
  ),
  inActions(
    'options differ in their values',
    overflow({ options: [option('v'), option('w')] }),
    overflow({ options: [option('v'), option('v')] }),
    '/options',
  ),
  inActions(
    'a menu has at most 100 options',
    staticSelect({ options: choices(100) }),
    staticSelect({ options: choices(101) }),
    '/options',
  ),
  inActions('a menu has an option', staticSelect({ options: choices(1) }), staticSelect({ options: [] }), '/options'),
  inActions(
    'a menu starts with one of its options',
    staticSelect({ initial_option: option('v1') }),
    staticSelect({ initial_option: option('v2') }),
    '/initial_option',
  ),
  inActions(
    'a menu starts with exactly one of its options',
    staticSelect({ initial_option: option('v1') }),
    staticSelect({ initial_option: option('v1', { text: plain('Another') }) }),
    '/initial_option',
  ),
  inActions(
    'a placeholder has at most 150 characters',
    staticSelect({ placeholder: plain(x(150)) }),
    staticSelect({ placeholder: plain(x(151)) }),
    '/placeholder/text',
  ),
  inActions(
    'a menu of several has at most 100 options',
    multiStaticSelect({ options: choices(100) }),
    multiStaticSelect({ options: choices(101) }),
    '/options',
  ),
  inActions(
    'a menu of several starts with its options',
    multiStaticSelect({ initial_options: choices(2) }),
    multiStaticSelect({ initial_options: choices(4) }),
    '/initial_options',
  ),
  inActions(
    'a menu of several starts with no more than allowed',
    multiStaticSelect({ initial_options: choices(2), max_selected_items: 2 }),
    multiStaticSelect({ initial_options: choices(2), max_selected_items: 1 }),
    '/initial_options',
  ),
  inActions(
    'a menu of several lets choose one',
    multiStaticSelect({ max_selected_items: 1 }),
    multiStaticSelect({ max_selected_items: 0 }),
    '/max_selected_items',
  ),
  inActions(
    'a menu of users starts with a user',
    usersSelect({ initial_user: 'U0123456789' }),
    usersSelect({ initial_user: '' }),
    '/initial_user',
  ),
  inActions('a menu of users has no options', usersSelect({}), usersSelect({ options: choices(1) }), '/options'),
  inActions(
    'a menu of conversations filters something',
    conversationsSelect({ filter: { include: ['public'] } }),
    conversationsSelect({ filter: {} }),
    '/filter',
  ),
  inActions(
    'a menu of conversations includes a kind',
    conversationsSelect({ filter: { include: ['im', 'mpim', 'private'] } }),
    conversationsSelect({ filter: { include: [] } }),
    '/filter/include',
  ),
  inActions(
    'a menu of conversations includes known kinds',
    conversationsSelect({ default_to_current_conversation: true }),
    conversationsSelect({ filter: { include: ['channel'] } }),
    '/filter/include/0',
  ),
  inActions(
    'there are at most 10 checkboxes',
    checkboxes({ options: choices(10) }),
    checkboxes({ options: choices(11) }),
    '/options',
  ),
  inActions('there is a checkbox', checkboxes({ options: choices(1) }), checkboxes({ options: [] }), '/options'),
  inActions(
    'a checkbox may be formatted, correctly',
    checkboxes({ options: [option('v', { text: mrkdwn('*x*') })] }),
    checkboxes({ options: [option('v', { text: mrkdwn('<x>') })] }),
    '/options/0/text/text',
  ),
  inActions(
    'checked boxes are among the boxes',
    checkboxes({ initial_options: choices(2) }),
    checkboxes({ initial_options: choices(3) }),
    '/initial_options',
  ),
  inActions(
    'a list of checked boxes is not empty',
    checkboxes({ initial_options: choices(1) }),
    checkboxes({ initial_options: [] }),
    '/initial_options',
  ),
  inActions(
    'there are at most 10 radio buttons',
    radioButtons({ options: choices(10) }),
    radioButtons({ options: choices(11) }),
    '/options',
  ),
  inActions(
    'there is a radio button',
    radioButtons({ options: choices(1) }),
    radioButtons({ options: [] }),
    '/options',
  ),
  inActions(
    'a chosen radio button is among the buttons',
    radioButtons({ initial_option: option('v0') }),
    radioButtons({ initial_option: option('v9') }),
    '/initial_option',
  ),
  inActions(
    'a date exists',
    datepicker({ initial_date: '2028-02-29' }),
    datepicker({ initial_date: '2027-02-29' }),
    '/initial_date',
  ),
  inActions(
    'a date is written in full',
    datepicker({ placeholder: plain('When') }),
    datepicker({ initial_date: '9 May' }),
    '/initial_date',
  ),
  inActions(
    'a time exists',
    timepicker({ initial_time: '23:59' }),
    timepicker({ initial_time: '24:00' }),
    '/initial_time',
  ),
  inActions(
    'a time has two digits an hour',
    timepicker({ initial_time: '09:05' }),
    timepicker({ initial_time: '9:05' }),
    '/initial_time',
  ),
  inActions(
    'a time zone exists',
    timepicker({ timezone: 'Europe/Zurich' }),
    timepicker({ timezone: 'Europe/Atlantis' }),
    '/timezone',
  ),
  inActions('a text field belongs to an input block', button({}), plainTextInput({}), '/type'),
  inInput('a button belongs to no input block', plainTextInput({}), button({}), '/type'),
  inInput('an overflow menu belongs to no input block', staticSelect({}), overflow({}), '/type'),
  inInput(
    'min_length is at most 3,000',
    plainTextInput({ min_length: 3_000 }),
    plainTextInput({ min_length: 3_001 }),
    '/min_length',
  ),
  inInput(
    'min_length is not negative',
    plainTextInput({ min_length: 0 }),
    plainTextInput({ min_length: -1 }),
    '/min_length',
  ),
  inInput(
    'max_length is at most 3,000',
    plainTextInput({ max_length: 3_000 }),
    plainTextInput({ max_length: 3_001 }),
    '/max_length',
  ),
  inInput(
    'max_length is at least 1',
    plainTextInput({ max_length: 1 }),
    plainTextInput({ max_length: 0 }),
    '/max_length',
  ),
  inInput(
    'min_length is no more than max_length',
    plainTextInput({ min_length: 5, max_length: 5 }),
    plainTextInput({ min_length: 6, max_length: 5 }),
    '/min_length',
  ),
  inInput(
    'what a field starts with is no longer than max_length',
    plainTextInput({ initial_value: x(5), max_length: 5 }),
    plainTextInput({ initial_value: x(6), max_length: 5 }),
    '/initial_value',
  ),
  inInput(
    'what a field starts with has at most 3,000 characters',
    plainTextInput({ initial_value: x(3_000) }),
    plainTextInput({ initial_value: x(3_001) }),
    '/initial_value',
  ),
  inInput(
    'a field’s placeholder has at most 150 characters',
    plainTextInput({ placeholder: plain(x(150)) }),
    plainTextInput({ placeholder: plain(x(151)) }),
    '/placeholder/text',
  ),
  inInput(
    'a field dispatches on known occasions',
    plainTextInput({ dispatch_action_config: { trigger_actions_on: ['on_enter_pressed', 'on_character_entered'] } }),
    plainTextInput({ dispatch_action_config: { trigger_actions_on: ['on_blur'] } }),
    '/dispatch_action_config/trigger_actions_on/0',
  ),
  inInput(
    'a field asks for no confirmation',
    plainTextInput({ multiline: true }),
    plainTextInput({ confirm: confirm() }),
    '/confirm',
  ),
  inInput(
    'a field for an address starts with one',
    urlTextInput({ initial_value: webAddress(40) }),
    urlTextInput({ initial_value: 'the wiki' }),
    '/initial_value',
  ),
  inInput(
    'a field for a number says whether it takes fractions',
    numberInput({}),
    numberInput({ is_decimal_allowed: undefined }),
    '/is_decimal_allowed',
  ),
  inInput(
    'a field for a number starts with one',
    numberInput({ initial_value: '-7' }),
    numberInput({ initial_value: 'seven' }),
    '/initial_value',
  ),
  inInput(
    'a number is a string',
    numberInput({ initial_value: '7' }),
    numberInput({ initial_value: 7 }),
    '/initial_value',
  ),
  inInput(
    'a fraction is allowed',
    numberInput({ min_value: '0.5', is_decimal_allowed: true }),
    numberInput({ min_value: '0.5' }),
    '/min_value',
  ),
  inInput(
    'min_value is no more than max_value',
    numberInput({ min_value: '9', max_value: '9' }),
    numberInput({ min_value: '10', max_value: '9' }),
    '/min_value',
  ),
  inInput(
    'a number is no less than min_value',
    numberInput({ initial_value: '10', min_value: '10' }),
    numberInput({ initial_value: '9', min_value: '10' }),
    '/initial_value',
  ),
  inInput(
    'a number is no more than max_value',
    numberInput({ initial_value: '9', max_value: '9' }),
    numberInput({ initial_value: '10', max_value: '9' }),
    '/initial_value',
  ),
];

const BLOCKS: readonly Rule[] = [
  inBlock(
    'a context’s mrkdwn has at most 3,000 characters',
    context([mrkdwn(x(3_000))]),
    context([mrkdwn(x(3_001))]),
    '/elements/0/text',
  ),
  inBlock(
    'a context’s plain text has at most 3,000 characters',
    context([plain(x(3_000))]),
    context([plain(x(3_001))]),
    '/elements/0/text',
  ),
  inBlock(
    'rich text’s block_id has at most 255 characters',
    { ...richText(richSection({ type: 'emoji', name: 'wave' })), block_id: x(255) },
    { ...richText(richSection({ type: 'emoji', name: 'wave' })), block_id: x(256) },
    '/block_id',
  ),
  inBlock(
    'rich text is indented at most 8 times',
    richText({
      type: 'rich_text_list',
      style: 'ordered',
      indent: 8,
      offset: 0,
      border: 1,
      elements: [richSection({ type: 'emoji', name: 'x' })],
    }),
    richText({
      type: 'rich_text_list',
      style: 'ordered',
      indent: 9,
      offset: 0,
      border: 0,
      elements: [richSection({ type: 'emoji', name: 'x' })],
    }),
    '/elements/0/indent',
  ),
  inBlock(
    'rich text has borders or none',
    richText({ type: 'rich_text_quote', border: 0, elements: [{ type: 'text', text: 'x' }] }),
    richText({ type: 'rich_text_quote', border: 2, elements: [{ type: 'text', text: 'x' }] }),
    '/elements/0/border',
  ),
  inBlock(
    'rich text dates in seconds',
    richText(richSection({ type: 'date', timestamp: 9_999_999_999, format: '{ago}' })),
    richText(richSection({ type: 'date', timestamp: 10_000_000_000, format: '{ago}' })),
    '/elements/0/elements/0/timestamp',
  ),
  inBlock(
    'a section’s text has at most 3,000 characters',
    section({ text: mrkdwn(x(3_000)) }),
    section({ text: mrkdwn(x(3_001)) }),
    '/text/text',
  ),
  inBlock('a section’s text is not empty', section({ text: plain('x') }), section({ text: plain('') }), '/text/text'),
  inBlock(
    'a section’s text is not blank',
    section({ text: plain('·') }),
    section({ text: plain(' \n\u200b') }),
    '/text/text',
  ),
  inBlock(
    'a section has at most 10 fields',
    section({ fields: many(10, () => mrkdwn('x')) }),
    section({ fields: many(11, () => mrkdwn('x')) }),
    '/fields',
  ),
  inBlock('a section’s fields are not none', section({ fields: [plain('x')] }), section({ fields: [] }), '/fields'),
  inBlock(
    'a field has at most 2,000 characters',
    section({ fields: [mrkdwn(x(2_000))] }),
    section({ fields: [mrkdwn(x(2_001))] }),
    '/fields/0/text',
  ),
  inBlock(
    'a field is not empty',
    section({ fields: [mrkdwn('x')] }),
    section({ fields: [mrkdwn('')] }),
    '/fields/0/text',
  ),
  inBlock('a section has text or fields', { type: 'section', fields: [mrkdwn('x')] }, { type: 'section' }, ''),
  inBlock(
    'a section’s accessory is an element',
    section({ accessory: image() }),
    section({ accessory: plainTextInput({}) }),
    '/accessory/type',
  ),
  inBlock('a section has no elements', section({ expand: true }), section({ elements: [button({})] }), '/elements'),
  inBlock(
    'plain text may have emoji but not verbatim',
    section({ text: plain('x', { emoji: false }) }),
    section({ text: plain('x', { verbatim: true }) }),
    '/text/verbatim',
  ),
  inBlock(
    'mrkdwn may have verbatim but not emoji',
    section({ text: mrkdwn('x', { verbatim: true }) }),
    section({ text: mrkdwn('x', { emoji: true }) }),
    '/text/emoji',
  ),
  inBlock(
    'a text says how it is formatted',
    section({ text: plain('x') }),
    section({ text: { type: 'markdown', text: 'x' } }),
    '/text/type',
  ),
  inBlock('a text is an object', section({ text: plain('x') }), section({ text: 'x' }), '/text'),
  inBlock('a header has at most 150 characters', header(plain(x(150))), header(plain(x(151))), '/text/text'),
  inBlock('a header is plain', header(plain('x')), header(mrkdwn('x')), '/text/type'),
  inBlock('a divider says nothing', divider, { ...divider, text: plain('x') }, '/text'),
  inBlock(
    'a context has at most 10 elements',
    context(many(10, () => plain('x'))),
    context(many(11, () => plain('x'))),
    '/elements',
  ),
  inBlock('a context has an element', context([image()]), context([]), '/elements'),
  inBlock(
    'a context has texts and images only',
    context([mrkdwn('x'), image()]),
    context([button({})]),
    '/elements/0/type',
  ),
  inBlock(
    'actions are at most 25',
    actions(many(25, (at) => button({ action_id: `a${at}` }))),
    actions(many(26, (at) => button({ action_id: `a${at}` }))),
    '/elements',
  ),
  inBlock('actions are not none', actions([button({})]), actions([]), '/elements'),
  inBlock('actions are elements that act', actions([button({})]), actions([image()]), '/elements/0/type'),
  inBlock(
    'an action_id is there once in its block',
    actions([button({}), button({ action_id: 'b' })]),
    actions([button({}), overflow({})]),
    '/elements/1/action_id',
  ),
  inBlock(
    'a label has at most 2,000 characters',
    input(plainTextInput({}), { label: plain(x(2_000)) }),
    input(plainTextInput({}), { label: plain(x(2_001)) }),
    '/label/text',
  ),
  inBlock(
    'a hint has at most 2,000 characters',
    input(plainTextInput({}), { hint: plain(x(2_000)) }),
    input(plainTextInput({}), { hint: plain(x(2_001)) }),
    '/hint/text',
  ),
  inBlock(
    'a label is plain',
    input(plainTextInput({})),
    input(plainTextInput({}), { label: mrkdwn('x') }),
    '/label/type',
  ),
  inBlock('an input has a label', input(plainTextInput({})), input(plainTextInput({}), { label: undefined }), '/label'),
  inBlock(
    'an input has one element',
    input(plainTextInput({}), { optional: true }),
    input([plainTextInput({})]),
    '/element',
  ),
  inBlock(
    'an image may be a file of Slack’s',
    { type: 'image', slack_file: { id: 'F0CHART' }, alt_text: 'x' },
    { type: 'image', slack_file: { id: 'chart.png' }, alt_text: 'x' },
    '/slack_file/id',
  ),
  inBlock('an image has one source', image(), image({ slack_file: { id: 'F0CHART' } }), ''),
  inBlock('an image has an address on the web', image(), image({ image_url: 'graph.png' }), '/image_url'),
  inBlock(
    'an image’s address has at most 3,000 characters',
    image({ image_url: webAddress(3_000) }),
    image({ image_url: webAddress(3_001) }),
    '/image_url',
  ),
  inBlock('an image is described', image({ alt_text: 'x' }), image({ alt_text: '' }), '/alt_text'),
  inBlock(
    'an image is described in at most 2,000 characters',
    image({ alt_text: x(2_000) }),
    image({ alt_text: x(2_001) }),
    '/alt_text',
  ),
  inBlock(
    'an image’s title has at most 2,000 characters',
    image({ title: plain(x(2_000)) }),
    image({ title: plain(x(2_001)) }),
    '/title/text',
  ),
  inBlock(
    'a block_id has at most 255 characters',
    section({ block_id: x(255) }),
    section({ block_id: x(256) }),
    '/block_id',
  ),
  inBlock('a block has a known type', divider, { type: 'marquee' }, '/type'),
  inBlock('a block is an object', divider, { ...divider, type: undefined }, '/type'),
  [
    'a block_id is there once in a message',
    inMessage(section({ block_id: 'a' }), section({ block_id: 'b' })),
    inMessage(section({ block_id: 'a' }), { ...divider, block_id: 'a' }),
    '/blocks/1/block_id',
  ],
  [
    'a block_id is there once, attachments included',
    message({ blocks: [section({ block_id: 'a' })], attachments: [{ blocks: [section({ block_id: 'b' })] }] }),
    message({ blocks: [section({ block_id: 'a' })], attachments: [{ blocks: [divider, section({ block_id: 'a' })] }] }),
    '/attachments/0/blocks/1/block_id',
  ],
  [
    'an action_id may come back in another block',
    inMessage(actions([button({})]), actions([button({})])),
    inMessage(actions([button({}), button({})])),
    '/blocks/0/elements/1/action_id',
  ],
  inBlock(
    'rich text has elements',
    richText(richSection({ type: 'text', text: 'x', style: { bold: true } })),
    richText(),
    '/elements',
  ),
  inBlock(
    'rich text mentions people by their ids',
    richText(richSection({ type: 'user', user_id: 'U0123456789' })),
    richText(richSection({ type: 'user', user_id: '@ann' })),
    '/elements/0/elements/0/user_id',
  ),
  inBlock(
    'rich text calls on those who can be called',
    richText(richSection({ type: 'broadcast', range: 'here' })),
    richText(richSection({ type: 'broadcast', range: 'all' })),
    '/elements/0/elements/0/range',
  ),
  inBlock(
    'rich text knows Slack’s dates',
    richText(richSection({ type: 'date', timestamp: 1_778_464_819, format: '{date_short} {time}' })),
    richText(richSection({ type: 'date', timestamp: 1_778_464_819, format: '{year}' })),
    '/elements/0/elements/0/format',
  ),
  inBlock(
    'rich text lists sections',
    richText({
      type: 'rich_text_list',
      style: 'bullet',
      indent: 8,
      elements: [richSection({ type: 'emoji', name: 'wave' })],
    }),
    richText({ type: 'rich_text_list', style: 'dash', elements: [richSection({ type: 'emoji', name: 'wave' })] }),
    '/elements/0/style',
  ),
  inBlock(
    'rich text quotes',
    richText({ type: 'rich_text_quote', elements: [{ type: 'link', url: webAddress(40) }] }),
    richText({ type: 'rich_text_quote', elements: [{ type: 'link', url: 'wiki' }] }),
    '/elements/0/elements/0/url',
  ),
  inBlock(
    'preformatted rich text holds no mention',
    richText({ type: 'rich_text_preformatted', elements: [{ type: 'text', text: 'x' }] }),
    richText({ type: 'rich_text_preformatted', elements: [{ type: 'user', user_id: 'U0123456789' }] }),
    '/elements/0/elements/0/type',
  ),
];

const attachment = (more: Json = {}) => ({ color: '#a30200', fallback: 'Words', blocks: [section()], ...more });
const metadata = (more: Json = {}) => ({
  event_type: 'a.b_c1',
  event_payload: { id: '7', count: 7, is: true },
  ...more,
});
const sections = (count: number) => many(count, () => section());

const BODIES: readonly Rule[] = [
  inBody(
    'a fallback has at most 4,000 characters',
    { attachments: [attachment({ fallback: x(4_000) })] },
    { attachments: [attachment({ fallback: x(4_001) })] },
    '/attachments/0/fallback',
  ),
  inBody('a message’s text has at most 4,000 characters', { text: x(4_000) }, { text: x(4_001) }, '/text'),
  inBody('a message’s text is not empty', { text: 'x' }, { text: '' }, '/text'),
  inBody('a message’s text is not blank', { text: 'x ' }, { text: ' ' }, '/text'),
  inBody('a message has at most 50 blocks', { blocks: sections(50) }, { blocks: sections(51) }, '/blocks'),
  inBody(
    'the blocks of attachments count',
    { blocks: sections(20), attachments: [attachment({ blocks: sections(30) })] },
    { blocks: sections(20), attachments: [attachment({ blocks: sections(30) }), attachment()] },
    '/blocks',
  ),
  inBody(
    'a message’s words are there beside blocks',
    { blocks: [section()] },
    { text: undefined, blocks: [section()] },
    '/text',
  ),
  inBody(
    'a message’s words are there beside attachments',
    { attachments: [attachment()] },
    { text: undefined, attachments: [attachment()] },
    '/text',
  ),
  inBody('a message says something', {}, { text: undefined }, '/text'),
  inBody(
    'a message that deletes may say nothing',
    { text: undefined, delete_original: true },
    { text: undefined, delete_original: false },
    '/text',
  ),
  inBody(
    'a message has at most 20 attachments',
    { attachments: many(20, () => attachment()) },
    { attachments: many(21, () => attachment()) },
    '/attachments',
  ),
  inBody(
    'a colour has six digits',
    { attachments: [attachment({ color: '#2eB886' })] },
    { attachments: [attachment({ color: '#2eb' })] },
    '/attachments/0/color',
  ),
  inBody(
    'a colour has a name that Slack knows',
    { attachments: ['good', 'warning', 'danger'].map((color) => attachment({ color })) },
    { attachments: [attachment({ color: 'red' })] },
    '/attachments/0/color',
  ),
  inBody(
    'a fallback is a string',
    { attachments: [attachment({ fallback: 'x' })] },
    { attachments: [attachment({ fallback: 7 })] },
    '/attachments/0/fallback',
  ),
  inBody(
    'an attachment has blocks',
    { attachments: [attachment()] },
    { attachments: [attachment({ blocks: [] })] },
    '/attachments/0/blocks',
  ),
  inBody(
    'an attachment’s blocks are checked',
    { attachments: [attachment()] },
    { attachments: [attachment({ blocks: [header(plain(x(151)))] })] },
    '/attachments/0/blocks/0/text/text',
  ),
  inBody(
    'an attachment has none of the old keys',
    { attachments: [attachment()] },
    { attachments: [attachment({ mrkdwn_in: ['text'] })] },
    '/attachments/0/mrkdwn_in',
  ),
  inBody(
    'an event type has at most 255 characters',
    { metadata: metadata({ event_type: x(255) }) },
    { metadata: metadata({ event_type: x(256) }) },
    '/metadata/event_type',
  ),
  inBody(
    'an event type is small letters, digits, dots and underscores',
    { metadata: metadata() },
    { metadata: metadata({ event_type: 'Promotion' }) },
    '/metadata/event_type',
  ),
  inBody(
    'an event type is not empty',
    { metadata: metadata({ event_type: 'x' }) },
    { metadata: metadata({ event_type: '' }) },
    '/metadata/event_type',
  ),
  inBody(
    'metadata is flat',
    { metadata: metadata() },
    { metadata: metadata({ event_payload: { a: { b: 1 } } }) },
    '/metadata/event_payload/a',
  ),
  inBody(
    'metadata holds no null',
    { metadata: metadata({ event_payload: {} }) },
    { metadata: metadata({ event_payload: { a: null } }) },
    '/metadata/event_payload/a',
  ),
  inBody(
    'metadata has a payload',
    { metadata: metadata() },
    { metadata: { event_type: 'x' } },
    '/metadata/event_payload',
  ),
  inBody(
    'names are not linked',
    { unfurl_links: false, unfurl_media: false, mrkdwn: true },
    { link_names: true },
    '/link_names',
  ),
  inBody(
    'words are not parsed',
    { thread_ts: '1778464819.000100', reply_broadcast: true },
    { parse: 'full' },
    '/parse',
  ),
  inBody(
    'an unknown key is refused',
    { response_type: 'in_channel', replace_original: true },
    { 'a/b~c': 1 },
    '/a~1b~0c',
  ),
  inBody(
    'a response is ephemeral or for the channel',
    { response_type: 'ephemeral' },
    { response_type: 'private' },
    '/response_type',
  ),
  inBody('a timestamp is Slack’s', { ts: '1778464819.000100' }, { ts: 1_778_464_819 }, '/ts'),
  inBody(
    'a thread’s timestamp is Slack’s',
    { thread_ts: '1778464819.000100' },
    { thread_ts: 'undefined' },
    '/thread_ts',
  ),
  inBody('an ephemeral message has a reader', { user: 'U0123456789' }, { user: '' }, '/user'),
  inBody('half a surrogate pair is not text', { text: '😀' }, { text: '\ud83d' }, '/text'),
  inBody(
    'half a surrogate pair is not metadata',
    { metadata: metadata({ event_payload: { a: '😀' } }) },
    { metadata: metadata({ event_payload: { a: '\ude00' } }) },
    '/metadata/event_payload/a',
  ),
];

const VIEWS: readonly Rule[] = [
  inView('a title has at most 24 characters', { title: plain(x(24)) }, { title: plain(x(25)) }, '/title/text'),
  inView('a title is plain', { title: plain('x') }, { title: mrkdwn('x') }, '/title/type'),
  inView('a modal has a title', {}, { title: undefined }, '/title'),
  inView(
    'the button that submits has at most 24 characters',
    { submit: plain(x(24)) },
    { submit: plain(x(25)) },
    '/submit/text',
  ),
  inView(
    'the button that closes has at most 24 characters',
    { close: plain(x(24)) },
    { close: plain(x(25)) },
    '/close/text',
  ),
  inView('a view has at most 100 blocks', { blocks: sections(100) }, { blocks: sections(101) }, '/blocks'),
  inView('a modal has a block', {}, { blocks: [] }, '/blocks'),
  inView(
    'private_metadata has at most 3,000 characters',
    { private_metadata: x(3_000) },
    { private_metadata: x(3_001) },
    '/private_metadata',
  ),
  inView('a callback_id has at most 255 characters', { callback_id: x(255) }, { callback_id: x(256) }, '/callback_id'),
  inView('an external_id has at most 255 characters', { external_id: x(255) }, { external_id: x(256) }, '/external_id'),
  inView(
    'a modal with an input can be submitted',
    { blocks: [input(plainTextInput({}))] },
    { blocks: [input(plainTextInput({}))], submit: undefined },
    '/submit',
  ),
  inView(
    'a modal without an input needs no submit',
    { submit: undefined, close: undefined },
    { submit: null },
    '/submit',
  ),
  inView(
    'a block_id is there once in a view',
    { blocks: [section({ block_id: 'a' })] },
    { blocks: [section({ block_id: 'a' }), section({ block_id: 'a' })] },
    '/blocks/1/block_id',
  ),
  inView(
    'one element has the cursor',
    { blocks: [input(plainTextInput({ focus_on_load: true })), input(plainTextInput({ focus_on_load: false }))] },
    {
      blocks: [section(), input(plainTextInput({ focus_on_load: true })), input(urlTextInput({ focus_on_load: true }))],
    },
    '/blocks/1',
  ),
  inView(
    'one element of a block has the cursor',
    { blocks: [actions([datepicker({ focus_on_load: true })])] },
    { blocks: [actions([datepicker({ focus_on_load: true }), timepicker({ action_id: 'b', focus_on_load: true })])] },
    '/blocks/0',
  ),
  inView(
    'a modal says whether closing is told',
    { notify_on_close: true, clear_on_close: false },
    { notify_on_close: 'yes' },
    '/notify_on_close',
  ),
  inView('an unknown key is refused in a view', {}, { text: 'x' }, '/text'),
  inView(
    'half a surrogate pair is not private_metadata',
    { private_metadata: '😀' },
    { private_metadata: '\ud83d' },
    '/private_metadata',
  ),
  ['a home tab has at most 100 blocks', home({ blocks: sections(100) }), home({ blocks: sections(101) }), '/blocks'],
  ['a home tab has no title', home(), home({ title: plain('x') }), '/title'],
  [
    'a home tab may have inputs, correct ones',
    home({ blocks: [input(plainTextInput({}))] }),
    home({ blocks: [input(button({}))] }),
    '/blocks/0/element/type',
  ],
  ['a view is a modal or a home tab', home(), { ...home(), type: 'workflow_step' }, '/type'],
];

describe.each([
  ['elements', ELEMENTS],
  ['blocks', BLOCKS],
  ['messages', BODIES],
  ['views', VIEWS],
])('of %s', (_, rules) => {
  test.each(rules)('%s', (_rule, good, bad, path) => {
    expect(check(good)).toEqual([]);
    expect(pathsOf(bad)).toContain(path);
    // Only this one fault is found: the pair tests the rule that it names.
    expect(new Set(pathsOf(bad))).toEqual(new Set([path]));
  });
});

describe('markup', () => {
  test.each([
    ['words', 'Nothing special: *bold* _italic_ `code` :wave:'],
    ['a mention of a person', 'Ask <@U0123456789>'],
    ['a mention of a person of an organisation', '<@W0123456789> knows'],
    ['a channel', 'In <#C0123456789>'],
    ['a channel with a label', 'In <#C0123456789|alerts>'],
    ['a group', '<!subteam^S0123456789>'],
    ['those who are here', '<!here>'],
    ['the channel', '<!channel>'],
    ['everyone', '<!everyone>'],
    ['a link', '<https://example.com/a?b=c&amp;d=e#f>'],
    ['a link with a label', '<http://example.com|An example>'],
    ['an address for mail', '<mailto:ann@example.com|Ann>'],
    ['a date', '<!date^1778464819^{date_short} {time} ({ago})|2026-05-11 02:00 UTC>'],
    ['a date that is a link', '<!date^1778464819^On {date_long}^https://example.com/|2026-05-11>'],
    ...[
      'date_num',
      'date',
      'date_short',
      'date_long',
      'date_pretty',
      'date_short_pretty',
      'date_long_pretty',
      'time',
      'time_secs',
      'ago',
    ].map((token) => [`a date’s {${token}}`, `<!date^1778464819^{${token}}|then>`]),
    ['escaped characters', 'a &lt; b &amp;&amp; c &gt; d'],
    ['a quotation', '> quoted\n> more\n&gt; and more'],
    ['two constructs side by side', '<!here><@U0123456789>'],
  ])('takes %s', (_, text) => {
    expect(checkMessage({ text })).toEqual([]);
    expect(checkMessage(inMessage(section({ text: mrkdwn(text) })))).toEqual([]);
  });

  test.each([
    ['a bare <', 'a < b'],
    ['a bare >', 'a > b'],
    ['a bare &', 'a & b'],
    ['a < at the end', 'a <'],
    ['an > inside a quotation', '> a > b'],
    ['an > after spaces', ' > a'],
    ['an > at the head of a line that a construct begins', '<!here>> a'],
    ['an entity that Slack does not know', 'a&nbsp;b'],
    ['an entity without its end', 'a &amp b'],
    ['an entity that a construct splits', '&<!here>amp;'],
    ['a construct that another splits', '<<!here>!here>'],
    ['a construct that does not close', '<!here and more'],
    ['a construct over two constructs', '<@U0123456789|<!here>>'],
    ['an empty construct', '<>'],
    ['a tag', '<b>bold</b>'],
    ['a mention by name', '<@ann>'],
    ['a mention with a label', '<@U0123456789|ann>'],
    ['a channel by name', '<#alerts>'],
    ['a channel with an empty label', '<#C0123456789|>'],
    ['a group by name', '<!subteam^oncall>'],
    ['a call with a label', '<!here|here>'],
    ['a call to nobody', '<!all>'],
    ['another scheme', '<javascript:alert(1)|x>'],
    ['a link with a space', '<https://example.com/a b>'],
    ['a link with an empty label', '<https://example.com/|>'],
    ['a link with a label of two lines', '<https://example.com/|a\nb>'],
    ['a link with two labels', '<https://example.com/|a|b>'],
    ['a link with a bare &', '<https://example.com/?a=b&c=d>'],
    ['a label with a bare &', '<https://example.com/|a & b>'],
    ['a date without a fallback', '<!date^1778464819^{date_short}>'],
    ['a date with an empty fallback', '<!date^1778464819^{date_short}|>'],
    ['a date without tokens', '<!date^1778464819^then|then>'],
    ['a date with an unknown token', '<!date^1778464819^{date_short} {year}|then>'],
    ['a date with half a token', '<!date^1778464819^{date_short} {time|then>'],
    ['a date in milliseconds', '<!date^1778464819000^{date_short}|then>'],
    ['a date in words', '<!date^2026-05-11^{date_short}|then>'],
    ['a date linked to nowhere', '<!date^1778464819^{date_short}^example.com|then>'],
    ['half a surrogate pair', 'a\ud83d b'],
  ])('refuses %s', (_, text) => {
    expect(pathsOf(message({ text }))).toEqual(['/text']);
    expect(pathsOf(inMessage(section({ text: mrkdwn(text) })))).toEqual(['/blocks/0/text/text']);
  });

  test('is not looked for in plain text', () => {
    expect(checkMessage(inMessage(header(plain('a < b & c > d'))))).toEqual([]);
  });

  test('is named with the place where it goes wrong', () => {
    expect(checkMessage(message({ text: 'See <!chanel> for more' }))).toEqual([
      { path: '/text', message: 'holds a < that begins no mention, date or link of Slack’s: "<!chanel> for more"' },
    ]);
  });

  test('is fine wherever all that is special is escaped', () => {
    const escaped = fc
      .string({ unit: 'binary', maxLength: 300 })
      .map((raw) => `x${raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}`);
    fc.assert(fc.property(escaped, (text) => checkMessage({ text }).length === 0));
  });

  test('goes wrong with a < wherever it comes', () => {
    const words = fc.string({ unit: fc.constantFrom('a', ' ', '*', '\n', '|', '^', '{', '!'), maxLength: 40 });
    fc.assert(fc.property(words, words, (before, after) => checkMessage({ text: `x${before}<${after}` }).length > 0));
  });

  test('takes no long time, however much of it there is', () => {
    const started = performance.now();
    for (const part of [
      '<',
      '<!date^1^',
      '<!date^1^{date}',
      '<https://',
      '{date}',
      '> ',
      '&',
      '<!date^1^{date}^https://a',
    ]) {
      expect(checkMessage({ text: part.repeat(20_000) })).not.toEqual([]);
    }
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('what is found', () => {
  test('is no_text if a message says nothing at all', () => {
    const nothing = [{ path: '/text', message: 'no_text' }];
    expect(checkMessage({ channel: 'C0123456789' })).toEqual(nothing);
    expect(checkMessage({ blocks: [], attachments: [] })).toEqual(nothing);
  });

  test('is what the words are for if only they are missing', () => {
    const missing = [{ path: '/text', message: 'is missing: it is what notifications and screen readers say' }];
    expect(checkMessage({ blocks: [divider] })).toEqual(missing);
    expect(checkMessage({ attachments: [attachment()] })).toEqual(missing);
  });

  test('is that a type is not supported if it is not', () => {
    expect(checkMessage(inMessage({ type: 'marquee' }))).toEqual([
      { path: '/blocks/0/type', message: 'is no type that is supported here' },
    ]);
    expect(checkMessage(inMessage({ ...divider, text: 'x' }))).toEqual([
      { path: '/blocks/0/text', message: 'is no key that belongs here' },
    ]);
    expect(checkMessage(message({ metadata: metadata({ event_payload: { type: null, a: null } }) }))).toEqual([
      { path: '/metadata/event_payload/type', message: expect.stringContaining('nvalid') },
      { path: '/metadata/event_payload/a', message: expect.stringContaining('nvalid') },
    ]);
  });

  test('is everything at once', () => {
    expect(pathsOf(inMessage(header(plain(x(151))), divider, section({ text: mrkdwn('<') })))).toEqual([
      '/blocks/0/text/text',
      '/blocks/2/text/text',
    ]);
  });

  test('has the reason for which a key is refused', () => {
    expect(checkMessage(message({ link_names: true }))).toEqual([
      { path: '/link_names', message: 'is refused: it makes mentions of names in somebody’s words' },
    ]);
  });

  test('is about the payload itself if that is no object', () => {
    expect(pathsOf(7)).toEqual(['']);
    expect(checkView('{}')).toEqual([expect.objectContaining({ path: '' })]);
  });

  test('is thrown, all of it, by the variants that throw', () => {
    expect(() => assertMessage(message())).not.toThrow();
    expect(() => assertView(modal())).not.toThrow();
    expect(() => assertMessage({})).toThrow('Slack would not take this message:\n/text no_text');
    expect(() => assertView(modal({ title: plain(x(25)), close: plain(x(25)) }))).toThrow(
      /^Slack would not take this view:\n\/title\/text .*\n\/close\/text /u,
    );
  });
});

describe('junk', () => {
  const GOOD: readonly unknown[] = [...ELEMENTS, ...BLOCKS, ...BODIES, ...VIEWS].map(([, good]) => good);
  const junk = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withObjectString: true,
    withTypedArray: true,
  });

  /** Pointers, each relative to its payload. */
  function expectProblems(payload: unknown): void {
    for (const found of [checkMessage(payload), checkView(payload)]) {
      for (const { path, message: said } of found) {
        expect(path).toMatch(/^(?:\/(?:[^~]|~[01])*)?$/u);
        expect(said).not.toBe('');
      }
    }
  }

  test('of any kind makes problems, never an exception', () => {
    fc.assert(
      fc.property(junk, (payload) => {
        expectProblems(payload);
        expect(checkView(payload)).not.toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('anywhere in a good payload makes no exception', () => {
    const keys = fc.constantFrom('__proto__', 'constructor', 'type', 'text', 'elements', 'blocks', 'x');
    fc.assert(
      fc.property(fc.constantFrom(...GOOD), fc.nat(), fc.oneof(junk, fc.dictionary(keys, junk)), (good, at, by) => {
        const count = placesIn(good);
        expectProblems(replaced(good, at % count, by));
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['a cycle', cyclic()],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an object whose constructor is null', { metadata: { event_type: 'x', event_payload: { constructor: null } } }],
    ['a prototype as JSON has it', JSON.parse('{"__proto__": {"text": "x"}, "blocks": [{"__proto__": []}]}')],
  ])('such as %s makes problems', (_, payload) => {
    expect(checkMessage(payload)).not.toEqual([]);
    expect(checkView(payload)).not.toEqual([]);
  });

  function cyclic(): unknown {
    const blocks: unknown[] = [];
    blocks.push({ type: 'rich_text', elements: blocks }, blocks);
    return { text: 'x', type: 'home', blocks };
  }

  function placesIn(value: unknown): number {
    if (typeof value !== 'object' || value === null) return 1;
    return 1 + Object.values(value).reduce((sum: number, one: unknown) => sum + placesIn(one), 0);
  }

  /** A copy with another value at the given place, counted depth first. */
  function replaced(value: unknown, place: number, by: unknown): unknown {
    let left = place;
    const copy = (one: unknown): unknown => {
      left -= 1;
      if (left === -1) return by;
      if (Array.isArray(one)) return one.map(copy);
      if (typeof one !== 'object' || one === null) return one;
      return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, copy(inner)]));
    };
    return copy(value);
  }
});
