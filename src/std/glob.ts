/**
 * Whether a whole text fits a pattern, in which `*` stands for any run of characters, also none, and everything else for
 * itself. Each part between stars is taken where it first fits, which is enough when stars are the only wildcard, so nothing
 * is tried twice.
 */
export function globMatcher(pattern: string): (text: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (text) => text === first;
  return (text) => {
    const end = text.length - last.length;
    if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return false;
    let from = first.length;
    for (const part of rest) {
      const at = text.indexOf(part, from);
      if (at < 0) return false;
      from = at + part.length;
    }
    return from <= end;
  };
}
