import { decode, encode, type SourceMapLine, type SourceMapSegment } from '@jridgewell/sourcemap-codec';
import { z } from 'zod';

const sourceMap = z.object({ sources: z.array(z.string()), mappings: z.string() });

/**
 * Reduces a source map to our own sources' lines: Node reads all of it at the first error, which takes 50 MB and a
 * quarter of a second with packages and columns. A line's column is that of its beginning.
 */
export function ownSourceMap(text: string): string {
  const map = sourceMap.parse(JSON.parse(text));
  const sources: string[] = [];
  const newIndex = map.sources.map((source) => (source.includes('node_modules') ? null : sources.push(source) - 1));
  const mappings = decode(map.mappings).map((line) => ownLine(line, newIndex));
  return JSON.stringify({ version: 3, sources, names: [], mappings: encode(mappings) });
}

function ownLine(line: SourceMapLine, newIndex: readonly (number | null)[]): SourceMapLine {
  const kept: SourceMapSegment[] = [];
  let before = '';
  for (const segment of line) {
    const [column, source] = segment;
    const own = source === undefined ? null : (newIndex[source] ?? null);
    const place = own === null || segment.length === 1 ? '' : `${own}:${segment[2]}`;
    if (place === before) continue;
    before = place;
    // Without a source, what follows belongs to none of ours until another segment says so.
    kept.push(own === null || segment.length === 1 ? [column] : [column, own, segment[2], segment[3]]);
  }
  return kept;
}
