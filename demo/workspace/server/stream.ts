import type { ServerResponse } from 'node:http';

const QUIET_MS = 15_000;
/** Changes come in flocks: a click paints a message, opens a form and writes a row. */
const GATHER_MS = 40;
/** Some changes nobody tells of: a row that was written, a code that ran out. */
const LOOK_EVERY_MS = 1_000;

/** Pushes what is seen, whenever it has changed, to every page that is open, as server-sent events. */
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
    response.on('close', () => this.#pages.delete(response));
    if (this.#last !== '') response.write(frame(this.#last));
    this.changed();
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#pages.size === 0 || this.#isClosed) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = null;
      // One that finds another under way leaves the looking to it.
      this.#looked = Promise.all([this.#looked, this.#lookNow()]).then(() => undefined);
    }, GATHER_MS);
  }

  /** Resolves once nothing is looked at any more: what is looked at may go. */
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

const frame = (data: string): string => `data: ${data}\n\n`;
