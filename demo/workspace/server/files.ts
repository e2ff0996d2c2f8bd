import type { World } from '../../world/world.js';

export interface ServedFile {
  readonly type: string;
  readonly bytes: Buffer;
}

/** A shared file, in a type that a browser shows and never runs; null if there is none. */
export async function fileOf(world: World, id: string): Promise<ServedFile | null> {
  const known = world.slack.files().find((file) => file.id === id);
  if (known === undefined) return null;
  const isPicture = /\.(?:png|jpe?g|gif)$/u.exec(known.name)?.[0] ?? null;
  const type = isPicture === null ? 'text/plain; charset=utf-8' : `image/${isPicture.slice(1).replace('jpg', 'jpeg')}`;
  return { type, bytes: world.slack.fileBytes(id) };
}
