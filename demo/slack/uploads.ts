interface Upload {
  readonly name: string;
  readonly length: number;
  readonly altText: string | null;
  bytes: Buffer | null;
  isDone: boolean;
}

/** Uploads that were begun: their addresses, what they were said to be, and what came in. */
export class Uploads {
  readonly #begun = new Map<string, Upload>();

  constructor(private readonly baseUrl: () => string) {}

  /** The address that the file's bytes are to be sent to. */
  begin(id: string, announced: Pick<Upload, 'name' | 'length' | 'altText'>): string {
    this.#begun.set(id, { ...announced, bytes: null, isDone: false });
    return `${this.baseUrl()}/upload/v1/${id}`;
  }

  /** Takes a file's bytes; the HTTP status. As many bytes as were announced, or none are kept. */
  receive(id: string, bytes: Buffer): number {
    const upload = this.#begun.get(id);
    if (upload === undefined || upload.isDone) return 404;
    if (bytes.byteLength !== upload.length) return 400;
    upload.bytes = bytes;
    return 200;
  }

  /** The bytes that came in and wait to be shared; null where none do. */
  waiting(id: string): Buffer | null {
    const upload = this.#begun.get(id);
    return upload === undefined || upload.isDone ? null : upload.bytes;
  }

  /** An upload is completed once. */
  finish(id: string): void {
    const upload = this.#begun.get(id);
    if (upload !== undefined) upload.isDone = true;
  }

  /** Files that were shared. */
  shared(): readonly { readonly id: string; readonly name: string; readonly altText: string | null }[] {
    return [...this.#begun]
      .filter(([, { isDone }]) => isDone)
      .map(([id, { name, altText }]) => ({ id, name, altText }));
  }

  /** @throws where nothing came in */
  contentOf(id: string): Buffer {
    const bytes = this.#begun.get(id)?.bytes;
    if (bytes == null) throw new Error(`There is no file ${id}.`);
    return bytes;
  }
}
