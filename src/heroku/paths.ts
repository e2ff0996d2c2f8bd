/** Path of an app; `app` is its name or id. */
export function appPath(app: string): string {
  return `/apps/${segment(app)}`;
}

/** Path of a release; `release` is its id or version. */
export function releasePath(app: string, release: string): string {
  return `${appPath(app)}/releases/${segment(release)}`;
}

/** A value that no path can carry: empty, a dot segment, malformed Unicode, or too long for any name. */
export class UnusableSegment extends Error {}

/** Encoding leaves dots alone, and a server or proxy may resolve `..`: so dot segments are refused. */
function segment(value: string): string {
  if (value === '' || value === '.' || value === '..' || value.length > 256 || !isWellFormed(value)) {
    throw new UnusableSegment('Not usable in a path.');
  }
  return encodeURIComponent(value);
}

function isWellFormed(value: string): boolean {
  return !/[\uD800-\uDFFF]/u.test(value);
}
