interface Upload {
  readonly name: string;
  readonly length: number;
  readonly altText: string | null;
  bytes: Buffer | null;
  isDone: boolean;
}

/** Uploads under way: addresses, announced properties, and received bytes. */
export class Uploads {
  readonly #begun = new Map<string, Upload>();

  constructor(private readonly baseUrl: () => string) {}

  /** The address for the file's bytes. */
  begin(id: string, announced: Pick<Upload, 'name' | 'length' | 'altText'>): string {
    this.#begun.set(id, { ...announced, bytes: null, isDone: false });
    return `${this.baseUrl()}/upload/v1/${id}`;
  }

  /** Receives a file's bytes; returns the HTTP status. Keeps them only if there are as many as announced. */
  receive(id: string, bytes: Buffer): number {
    const upload = this.#begun.get(id);
    if (upload === undefined || upload.isDone) return 404;
    if (bytes.byteLength !== upload.length) return 400;
    upload.bytes = bytes;
    return 200;
  }

  /** Received bytes that wait to be shared; null if there are none. */
  waiting(id: string): Buffer | null {
    const upload = this.#begun.get(id);
    return upload === undefined || upload.isDone ? null : upload.bytes;
  }

  /** An upload is completed once. */
  finish(id: string): void {
    const upload = this.#begun.get(id);
    if (upload !== undefined) upload.isDone = true;
  }

  shared(): readonly { readonly id: string; readonly name: string; readonly altText: string | null }[] {
    return [...this.#begun]
      .filter(([, { isDone }]) => isDone)
      .map(([id, { name, altText }]) => ({ id, name, altText }));
  }

  /** @throws if nothing was received */
  contentOf(id: string): Buffer {
    const bytes = this.#begun.get(id)?.bytes;
    if (bytes == null) throw new Error(`There is no file ${id}.`);
    return bytes;
  }
}
