import { type SlackStandIn, type StoredMessage, startSlackStandIn } from '../../demo/slack/workspace.js';
import { moveDatabaseClock } from '../../demo/world/database-clock.js';
import type { Database } from '../../src/db/database.js';
import { bindKinds, defineKind, type Kind, type Place, type Shown, type Sources } from '../../src/outbox/kind.js';
import { createOutbox, type DeliveryOutcome, type Outbox } from '../../src/outbox/outbox.js';
import { createSecretBox } from '../../src/operators/secret-box.js';
import { createOutsideTransport } from '../../src/outbox/outside.js';
import { createPagerDuty } from '../../src/paging/pagerduty.js';
import { createSlack } from '../../src/slack/slack.js';
import { THRESHOLDS } from '../promotions/make.js';
import { readManifest } from '../support/manifest.js';
import { NOW, type Stored, startStored } from '../support/rows.js';
import { DIRECTLY } from '../support/network.js';

/** The outbox over a database and Slack's stand-in, with the test's own kinds. */
export interface OutboxBed extends Stored {
  readonly slack: SlackStandIn;
  readonly outbox: Outbox;
  readonly outcomes: readonly DeliveryOutcome[];
  /** What messages about a subject say; a kind's `gather` waits for `onGather`. */
  readonly facts: Map<string, Facts>;
  onGather: () => Promise<unknown>;
  /** Runs between a claim in the database and its answer. */
  onClaimed: () => void;
  anotherOutbox(): Outbox;
  queue(message: NewRow): Promise<string>;
  row(id: string): Promise<MessageRow>;
  change(id: string, facts: Facts): Promise<void>;
  advance(milliseconds: number): Promise<void>;
  /** As if the process had been paused this long. */
  pause(milliseconds: number): void;
  /** As if a dead or paused process's lease had expired. */
  expireLeases(): Promise<void>;
  channel(): Promise<readonly string[]>;
  root(): Promise<StoredMessage>;
  thread(): Promise<readonly string[]>;
  /** How often Slack was asked to post something. */
  posts(): number;
}

interface Facts {
  readonly text: string;
  /** Nothing (more) to say. */
  readonly isOver?: boolean;
  /** Where it goes; default: the alert channel. */
  readonly route?: string;
}

interface NewRow {
  readonly kind: string;
  readonly subject?: string;
  readonly promotionId?: string;
  readonly root?: string;
  readonly isUrgent?: boolean;
}

interface MessageRow {
  readonly state: string;
  readonly attempts: number;
  readonly channel: string | null;
  readonly message_ts: string | null;
  readonly shown_as: string | null;
  readonly last_error: string | null;
  /** In milliseconds; null if it may be retried at once. */
  readonly waits: number | null;
}

export async function startOutboxBed(
  kinds: Readonly<Record<string, Kind>> = {},
  pagerUrl = 'http://127.0.0.1:9/',
): Promise<OutboxBed> {
  const stored = await startStored();
  const manifest = readManifest();
  const slack = await startSlackStandIn({ scopes: manifest.scopes, rateLimit: false });
  const outcomes: DeliveryOutcome[] = [];
  let owners = 0;
  let offset = 0;
  let elapsed = 0;
  const advance = async (milliseconds: number): Promise<void> => {
    offset += milliseconds;
    await moveDatabaseClock((sql) => stored.rows.query(sql), offset);
  };
  await advance(NOW.getTime() - Date.now());
  const facts = new Map<string, Facts>();

  function createFor(db: Database): Outbox {
    const newOwner = () => {
      owners += 1;
      return `owner-${owners}`;
    };
    const client = createSlack({
      botToken: slack.botToken,
      apiUrl: slack.apiUrl,
      slots: null,
      // This Slack has no limits.
      pauses: 0,
      newOwner,
      fetch: DIRECTLY.fetch,
      admit: async () => undefined,
    });
    return createOutbox({
      messages: {
        ...db.messages,
        async claim(...given) {
          const claimed = await db.messages.claim(...given);
          bed.onClaimed();
          return claimed;
        },
      },
      slack: client,
      outside: createOutsideTransport({
        pagerDuty: createPagerDuty(pagerUrl, DIRECTLY.fetch),
        webhook: null,
        secretBox: createSecretBox(Buffer.alloc(32, 7)),
      }),
      tellFailure: db.paging.tell,
      kinds: bindKinds({ ...testKinds(bed), ...kinds }, sourcesOf(db, slack.channels.alerts)),
      alertChannel: slack.channels.alerts,
      random: () => 0,
      newOwner,
      now: () => new Date(),
      elapsed: () => elapsed,
      onOutcome: (outcome) => void outcomes.push(outcome),
    });
  }

  const bed: Omit<OutboxBed, 'outbox'> = {
    ...stored,
    slack,
    outcomes,
    facts,
    onGather: async () => undefined,
    onClaimed: () => undefined,
    anotherOutbox: () => createFor(stored.replica()),
    async queue({ kind, subject = 'one', promotionId, root, isUrgent = false }) {
      const [row] = await stored.rows.query<{ id: string }>(
        `insert into flag_promotions.messages (kind, subject, ordinal, promotion_id, root_id, is_urgent)
         values ($1, $2, (select count(*) from flag_promotions.messages), $3, $4, $5) returning id`,
        [kind, subject, promotionId ?? null, root ?? null, isUrgent],
      );
      return row?.id ?? '';
    },
    async row(id) {
      const [row] = await stored.rows.query<MessageRow>(
        `select state, attempts, channel, message_ts, shown_as, last_error,
                (extract(epoch from next_attempt_at - flag_promotions.clock()) * 1000)::float as waits
           from flag_promotions.messages where id = $1`,
        [id],
      );
      if (row === undefined) throw new Error('There is no such message.');
      return row;
    },
    async change(id, now) {
      const [row] = await stored.rows.query<{ subject: string }>(
        'update flag_promotions.messages set wanted = wanted + 1 where id = $1 returning subject',
        [id],
      );
      facts.set(row?.subject ?? '', now);
    },
    advance,
    pause(milliseconds) {
      elapsed += milliseconds;
    },
    async expireLeases() {
      await stored.rows.query(
        `update flag_promotions.messages set lease_until = flag_promotions.clock() - interval '1 second'
          where lease_owner is not null`,
      );
    },
    channel: async () => (await slack.messages(slack.channels.alerts)).map(({ text }) => text),
    async root() {
      const [root] = await slack.messages(slack.channels.alerts);
      if (root === undefined) throw new Error('The channel is empty.');
      return root;
    },
    async thread() {
      const { ts } = await bed.root();
      return (await slack.thread(slack.channels.alerts, ts)).map(({ text }) => text);
    },
    posts: () => slack.calls.filter(({ method }) => method === 'chat.postMessage').length,
    async close() {
      await slack.close();
      await stored.close();
    },
  };
  return Object.assign(bed, { outbox: createFor(stored.db) });
}

/** Sources for kinds that read only the database: asking Heroku or drawing fails. */
export function sourcesOf(db: Database, alertChannel: string): Sources {
  const unasked = (): never => {
    throw new Error('This test asks nobody.');
  };
  return {
    db,
    slack: { nameOf: async (id) => id },
    readEvidence: unasked,
    readEvidenceOfMany: unasked,
    drawChart: unasked,
    silentSince: () => null,
    routeOf: () => ({ channel: alertChannel, mention: null, page: null, quiet: null }),
    alertChannel,
    defaultPage: null,
    sendsWebhooks: false,
    broadcastCriticals: true,
    thresholds: THRESHOLDS,
  };
}

/** One kind for each way in which kinds differ. */
function testKinds(bed: Pick<OutboxBed, 'facts' | 'onGather'>): Readonly<Record<string, Kind>> {
  const gather = async ({ subject }: { subject: string }): Promise<Facts | null> => {
    await bed.onGather();
    return bed.facts.get(subject) ?? null;
  };
  const show = ({ text, isOver = false }: Facts, { isNew, refused }: { isNew: boolean; refused: unknown }) =>
    isOver && isNew ? null : said(isOver ? `${text}, over` : text, refused);
  const said = (text: string, refused: unknown): Shown => ({
    content: { message: { text: refused === null ? text : `${text} ${JSON.stringify(refused)}` } },
  });
  const inThread = ({ root }: { root: { message: { channel: string; ts: string } | null } | null }): Place | null =>
    root?.message == null ? null : { to: 'thread', thread: root.message, broadcast: false };
  const toChannel = (_: unknown, { route }: Facts, { alertChannel }: Sources): Place => ({
    to: 'channel',
    route: route ?? alertChannel,
  });
  return {
    /** A message of its own, kept visible. */
    notice: defineKind<Facts>({ gather, place: toChannel, show, gone: 'post_again', unknownOutcome: 'find' }),
    /** A message of its own, dropped if it is gone. */
    card: defineKind<Facts>({ gather, place: toChannel, show, gone: 'close', unknownOutcome: 'find' }),
    reply: defineKind<Facts>({ gather, place: inThread, show, gone: 'close', unknownOutcome: 'find' }),
    /** Harmless to send twice. */
    letter: defineKind<Facts>({
      gather,
      place: (_, { route = '' }) => ({ to: 'person', userId: route }),
      show,
      gone: 'close',
      unknownOutcome: 'post_again',
    }),
    /** A person's home tab. */
    tab: defineKind<Facts>({
      gather,
      place: (_, { route = '' }) => ({ to: 'home', userId: route }),
      show: ({ text }) => ({
        content: { home: { type: 'home', blocks: [{ type: 'section', text: { type: 'mrkdwn', text } }] } },
      }),
      gone: 'close',
      unknownOutcome: 'post_again',
    }),
    /** A file, which can't be found again. */
    picture: defineKind<Facts>({
      gather,
      place: inThread,
      show: ({ text }, { isNew }) =>
        isNew
          ? {
              content: {
                file: { name: 'a.txt', title: text, comment: text, altText: text, content: Buffer.from('a') },
              },
            }
          : null,
      gone: 'close',
      unknownOutcome: 'close',
    }),
  };
}
