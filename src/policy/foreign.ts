import type { Adapter } from "../adapter/adapter.ts";

/** What a file or package that weir.yaml names as an adapter came to when it was imported. */
export type ForeignAdapter =
  | {
      readonly kind: "adapter";
      readonly adapter: Adapter;
      /** Another one is another adapter, so that its handlers are made anew. */
      readonly version: string;
    }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** By the file or package as weir.yaml writes it. */
export type ForeignAdapters = ReadonlyMap<string, ForeignAdapter>;
