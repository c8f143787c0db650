import { createHash } from "node:crypto";

/** A short digest of files and their paths: two replicas that read the same have the same. */
export function revisionOf(
  files: readonly { readonly path: string; readonly text: Uint8Array | string }[],
): string {
  const hash = createHash("sha256");
  for (const { path, text } of files.toSorted((left, right) => (left.path < right.path ? -1 : 1))) {
    // Lengths in front, so that no two sets of files run together alike.
    hash.update(`${Buffer.byteLength(path)}:${path}${Buffer.byteLength(text)}:`).update(text);
  }
  return hash.digest("hex").slice(0, 12);
}
