import type { FileData } from '../protocol/snapshot.js';

/** A message's files: pictures are shown, others named. */
export function Files({ of }: { readonly of: readonly FileData[] }) {
  return of.map((file) => {
    const address = `/files/${file.id}`;
    return /\.(?:png|jpe?g|gif)$/u.test(file.name) ? (
      <figure key={file.id} className="picture">
        <figcaption>{file.title}</figcaption>
        <a href={address} target="_blank" rel="noreferrer">
          <img src={address} alt={file.altText ?? file.title} />
        </a>
      </figure>
    ) : (
      <a key={file.id} className="file" href={address} target="_blank" rel="noreferrer">
        <span className="file-icon" aria-hidden="true">
          📄
        </span>
        <span>
          <strong>{file.title}</strong>
          <small>
            {file.name} · {Math.max(1, Math.round(file.size / 1_000))} kB
          </small>
        </span>
      </a>
    );
  });
}
