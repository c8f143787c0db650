import type { Link, LinkState } from "./redis-link.ts";

/** Which way a take goes. */
export interface Routes {
  /** Tags of one group are never divided. */
  groupOf(tag: string): number;
  /** Whether groups differ at all. */
  readonly division: "whole" | "by-tag";
  /** Undefined where nobody is known that has the group. */
  linkOf(group: number): Link | undefined;
  /** A node has said that another has the group; answers the way to that, where it is known. */
  moved(group: number, to: string, from: Link): Link | undefined;
  /** The way to a node that a group is on its way to. */
  asked(to: string, from: Link): Link | undefined;
  /** All ways that there are, and what is not known. */
  states(): readonly LinkState[];
  /** Safe twice. */
  close(): Promise<void>;
}

/** One Redis, or the master that Sentinels name. */
export const oneRoute = (link: Link): Routes => ({
  groupOf: () => 0,
  division: "whole",
  linkOf: () => link,
  moved: () => undefined,
  asked: () => undefined,
  states: () => [link.state],
  close: () => link.close(),
});
