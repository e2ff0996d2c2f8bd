import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';

/** How soon an open page asks again after its server went away. */
const TRY_AGAIN_MS = 500;
const QUIET_MS = 15_000;
/** Changes come in bursts: a click updates a message, opens a form and writes a row. */
const GATHER_MS = 40;
/** Some changes emit no event: a written row, an expired code. */
const LOOK_EVERY_MS = 1_000;

/** Pushes what is seen, whenever it has changed, to every open page, as server-sent events. */
export class Stream {
  readonly #pages = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;
  readonly #heartbeat: NodeJS.Timeout;
  #last = '';
  #looking = false;
  #looked: Promise<void> = Promise.resolve();
  #isClosed = false;
  #lookAgain = false;
  #soon: NodeJS.Timeout | null = null;
  #page = randomUUID();

  constructor(
    private readonly look: () => Promise<unknown>,
    private readonly onError: (error: unknown) => void,
  ) {
    this.#timer = setInterval(() => this.changed(), LOOK_EVERY_MS);
    this.#heartbeat = setInterval(() => this.#send(': still here\n\n'), QUIET_MS);
  }

  open(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    this.#pages.add(response);
    response.write(`retry: ${TRY_AGAIN_MS}\n${pageFrame(this.#page)}`);
    response.on('close', () => this.#pages.delete(response));
    if (this.#last !== '') response.write(frame(this.#last));
    this.changed();
  }

  /** Open pages reload: there is a new build. */
  reload(): void {
    this.#page = randomUUID();
    this.#send(pageFrame(this.#page));
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#pages.size === 0 || this.#isClosed) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      // One under way looks again when it is done.
      this.#looked = Promise.all([this.#looked, this.#lookNow()]).then(() => undefined);
    }, GATHER_MS);
  }

  /** Resolves once nothing is being read, so that what is read may close. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#timer);
    clearInterval(this.#heartbeat);
    if (this.#soon !== null) clearTimeout(this.#soon);
    for (const page of this.#pages) page.end();
    await this.#looked;
  }

  async #lookNow(): Promise<void> {
    this.#lookAgain = this.#looking;
    if (this.#looking) return;
    this.#looking = true;
    try {
      const seen = JSON.stringify(await this.look());
      if (seen !== this.#last) this.#send(frame(seen));
      this.#last = seen;
    } catch (error) {
      this.onError(error);
    } finally {
      this.#looking = false;
    }
    if (this.#lookAgain) this.changed();
  }

  #send(text: string): void {
    for (const page of this.#pages) page.write(text);
  }
}

/** The id of the page served now: an open page with another id reloads. */
const pageFrame = (id: string): string => `event: page\ndata: ${id}\n\n`;
const frame = (data: string): string => `data: ${data}\n\n`;
