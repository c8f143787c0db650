/** Whether a path, without its query, is one of a resource. */
export type Resource = (path: string) => boolean;

/**
 * Reads a resource of a product or an operation: `/` is every path, `*` is anything within a segment, `**` at the end is anything at all.
 * What else is in it stands for itself: the reference takes `.` for any character, so that `/v1.0` lets `/v1x0` pass.
 * Undefined where `**` stands elsewhere, which is no resource. Source: apigee-remote-service-golib, product.go.
 */
export function readResource(text: string): Resource | undefined {
  if (text === "/") return () => true;
  const tail = text.indexOf("**");
  if (tail !== -1 && tail !== text.length - 2) return undefined;
  const segments = (tail === -1 ? text : text.slice(0, tail)).split("/");
  const last = segments.pop() ?? "";
  const isOpen = tail !== -1;
  return (path) => {
    const parts = path.split("/");
    if (isOpen ? parts.length <= segments.length : parts.length !== segments.length + 1) return false;
    const end = parts[segments.length] ?? "";
    return (
      segments.every((segment, index) => isLike(segment, parts[index] ?? "")) &&
      isLike(isOpen ? `${last}*` : last, end)
    );
  };
}

/** Whether a text is like a pattern in which `*` is any text. Each star is as short as it can be, so that it takes no longer than both lengths. */
function isLike(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  const end = text.length - last.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
