import { unpackAnswerPlace, unpackMessageEvent } from '../../src/handlers/unpack.js';

const event = (type: string, own: Readonly<Record<string, unknown>>) => ({
  type: 'event_callback',
  team_id: 'T1',
  event: { type, user: 'U1', channel: 'C1', ts: '1.1', thread_ts: '1.0', text: 'https://docs.example.com/rca', ...own },
});
const byPerson = { userId: 'U1', channel: 'C1', threadTs: '1.0' };

describe.each(['message', 'app_mention'])('a %s', (type) => {
  // https://docs.slack.dev/reference/events/message#subtypes
  test.each([undefined, null, 'thread_broadcast', 'file_share', 'me_message'])(
    'with the subtype %s is a person’s',
    (subtype) => {
      expect(unpackMessageEvent(event(type, { subtype }))).toMatchObject(byPerson);
    },
  );

  test.each([
    'bot_message',
    'message_changed',
    'message_deleted',
    'message_replied',
    'reply_broadcast',
    'channel_join',
    'channel_leave',
    'channel_topic',
    'channel_purpose',
    'channel_name',
    'channel_archive',
    'channel_convert_to_private',
    'channel_posting_permissions',
    'bot_add',
    'pinned_item',
    'reminder_add',
    'ekm_access_denied',
    'assistant_app_thread',
    'document_mention',
    'tombstone',
    'of_next_year',
    '',
  ])('with the subtype %s is nobody’s, whatever user it names, and nobody waits for an answer', (subtype) => {
    expect(unpackMessageEvent(event(type, { subtype })).userId).toBeNull();
    expect(unpackAnswerPlace(event(type, { subtype }))).toBeNull();
  });

  test.each([undefined, 'thread_broadcast', 'file_share', 'me_message'])(
    'of a bot, with the subtype %s, is nobody’s',
    (subtype) => {
      expect(unpackMessageEvent(event(type, { subtype, bot_id: 'B1' })).userId).toBeNull();
    },
  );
});
