import { z } from "zod";
import { bytes, durationMs, httpUrl, integer, mapping, secret, share, word } from "./config.ts";

/** What an adapter that is not weir's own is made with, so that its file needs no package: the schema library, and the parts of ours. */
export const KIT = { z, mapping, durationMs, bytes, share, secret, httpUrl, word, integer } as const;

/** What is lent to a file or package whose default export is a function. */
export type Kit = typeof KIT;
