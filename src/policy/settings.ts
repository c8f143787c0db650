import type { Reading } from "../attributes/attributes.ts";
import type { ServerFile } from "./server-file.ts";

/** weir.yaml with its defaults: what the operator decides. All paths of files are resolved. */
export interface Settings
  extends
    Reading,
    Pick<
      ServerFile,
      | "listen"
      | "clientAddress"
      | "checkTimeoutMs"
      | "maxInFlight"
      | "ungoverned"
      | "proxy"
      | "secrets"
      | "outbound"
      | "decisions"
      | "store"
      | "report"
      | "handlers"
      | "teams"
    > {
  /** That of weir.yaml, from which the paths in handlers' configuration and teams' folders count; `.` without one. */
  readonly folder: string;
}
