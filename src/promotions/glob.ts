/** `*` stands for any characters, or none. Case matters. */
export function matchesGlob(pattern: string, name: string): boolean {
  // No regular expression: the name is another system's, and of any length.
  const [start = '', ...others] = pattern.split('*');
  const end = others.pop();
  if (end === undefined) return name === start;
  if (!name.startsWith(start)) return false;
  let position = start.length;
  for (const part of others) {
    const found = name.indexOf(part, position);
    if (found === -1) return false;
    position = found + part.length;
  }
  return name.length - end.length >= position && name.endsWith(end);
}
