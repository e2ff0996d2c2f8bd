/** Uploads that were begun: their addresses, what they were said to be, and what came in. */
export class Uploads {
  readonly #begun = new Map<string, { readonly length: number; bytes: Buffer | null; isDone: boolean }>();

  constructor(private readonly baseUrl: () => string) {}

  /** The address that the file's bytes are to be sent to. */
  begin(id: string, length: number): string {
    this.#begun.set(id, { length, bytes: null, isDone: false });
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

  /** @throws where nothing came in */
  contentOf(id: string): Buffer {
    const bytes = this.#begun.get(id)?.bytes;
    if (bytes == null) throw new Error(`There is no file ${id}.`);
    return bytes;
  }
}
