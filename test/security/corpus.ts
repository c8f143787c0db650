import { HEADER_CASES } from "./corpus-headers.ts";
import { PATH_CASES } from "./corpus-paths.ts";
import { RULE_CASES } from "./corpus-rules.ts";
import { CREDENTIALS } from "./corpus-credentials.ts";

/** One of the mistakes that servers of this kind have made, as a request and the answer that is right. */
export interface SecurityCase {
  /** Unique; begins with the number of the acceptance case, or with `a` for a row of the table of answers. */
  readonly id: string;
  readonly what: string;
  /** Who got it wrong: an advisory, an issue, or the specification that says what is right. */
  readonly source: string;
  readonly request: SentRequest;
  readonly expected: Expected;
  /** Where the way of asking changes the answer, because it cannot carry what the case is about. */
  readonly unlike?: Partial<Readonly<Record<Way, Unlike>>>;
  /** It needs a policy that is refused at load beside a listener for HTTP: no request meets it there. */
  readonly policy?: "over gRPC alone";
  /** Why no client can send this through Envoy; absent: one can. */
  readonly notThroughEnvoy?: string;
  /** The one protocol in which a client can send it; absent: both. */
  readonly only?: "HTTP/1.1" | "HTTP/2";
}

/** How weir is asked: gRPC with header lines, gRPC with joined headers, Envoy's HTTP service. */
export type Way = "lines" | "joined" | "http";

export interface Unlike {
  readonly because: string;
  readonly expected: Expected;
}

export interface SentRequest {
  /** GET when absent. */
  readonly method?: string;
  readonly host: string;
  readonly path: string;
  /** In order. Names in `{{…}}` stand for credentials, which each run makes anew. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** Only the beginning of the body reaches weir. */
  readonly cut?: true;
  /** What the client's certificate says. */
  readonly principal?: string;
  /** weir is asked before it has a configuration, or when the time of the check is over. */
  readonly moment?: "before the configuration" | "too late";
}

/** The answer; of an allow, all that it does to the request and to the response. */
export type Expected =
  | { readonly verdict: "allow"; readonly by: string; readonly effects?: ExpectedEffects }
  | {
      readonly verdict: "deny";
      readonly by: string;
      readonly status: number;
      readonly body?: string;
      readonly headers?: Headers;
    }
  | { readonly verdict: "error"; readonly by: string }
  /** Not HTTP to weir: refused before it is read. */
  | { readonly verdict: "unread"; readonly status: number };

type Headers = Readonly<Record<string, string>>;

export interface ExpectedEffects {
  readonly set?: Headers;
  readonly remove?: readonly string[];
  readonly response?: Headers;
}

/** A file that must not go live, and the code of the diagnostic that says why. */
export interface LoadCase {
  readonly id: string;
  readonly what: string;
  readonly source: string;
  readonly file: string;
  readonly code: string;
}

/** A case that no single request shows. */
export interface ElsewhereCase {
  readonly id: string;
  readonly what: string;
  readonly source: string;
  /** The files of tests that prove it; none where it is still to come. */
  readonly tests: readonly string[];
  /** Why it is not in this version. */
  readonly later?: string;
}

export const CASES: readonly SecurityCase[] = [...PATH_CASES, ...RULE_CASES, ...HEADER_CASES, ...CREDENTIALS];
