import { ValueFault } from "../std/fault.ts";
import type { HeaderFacts, RequestFacts } from "./facts.ts";
import type { canonicalHost } from "./host.ts";
import { canonicalPath, encodePath, queryParameters, type CanonicalPath } from "./path.ts";

const NO_RAW_HEADERS = new ValueFault("raw-headers");

/** `request.*` of one HTTP request. A getter that yields undefined is an attribute without value. */
export class Request {
  readonly #facts: RequestFacts;
  readonly #readHost: typeof canonicalHost;
  readonly #hidden: ReadonlySet<string> | undefined;
  #target: CanonicalPath | undefined;
  #host: string | undefined | null = null;
  #headers: HeaderFacts | undefined;
  #urlPath: string | undefined;
  #queryParameters: Map<string, string[]> | undefined | null = null;

  constructor(facts: RequestFacts, readHost: typeof canonicalHost, hidden?: ReadonlySet<string>) {
    this.#facts = facts;
    this.#readHost = readHost;
    this.#hidden = hidden;
  }

  /** The same request without these headers (lower case), for rules of a policy that sets them itself. */
  without(hidden: ReadonlySet<string>): Request {
    const { joined } = this.#allHeaders();
    for (const name of hidden) if (joined.has(name)) return new Request(this.#facts, this.#readHost, hidden);
    return this;
  }

  get target(): CanonicalPath {
    return (this.#target ??= canonicalPath(this.#facts.path, this.#facts.method));
  }

  get method(): string {
    return this.#facts.method;
  }

  get host(): string | undefined {
    if (this.#host === null) this.#host = this.#readHost(this.#facts.host);
    return this.#host;
  }

  get path(): string {
    return this.#facts.path;
  }

  get path_segments(): readonly string[] | undefined {
    return this.target.kind === "segments" ? this.target.segments : undefined;
  }

  get url_path(): string | undefined {
    const { target } = this;
    if (target.kind !== "segments") return undefined;
    return (this.#urlPath ??= target.plainPath ?? encodePath(target.segments));
  }

  get query(): string | undefined {
    return this.target.kind === "segments" ? this.target.query : undefined;
  }

  get query_params(): Map<string, string[]> | undefined {
    if (this.#queryParameters === null) this.#queryParameters = queryParameters(this.query ?? "");
    return this.#queryParameters;
  }

  get scheme(): string | undefined {
    return presence(this.#facts.scheme);
  }

  get protocol(): string | undefined {
    return presence(this.#facts.protocol);
  }

  get id(): string | undefined {
    return presence(this.#facts.id);
  }

  get size(): bigint | undefined {
    return this.#facts.sizeBytes;
  }

  get time(): Date | undefined {
    return this.#facts.timeMs === undefined ? undefined : new Date(this.#facts.timeMs);
  }

  get headers(): Map<string, string> {
    return this.#allHeaders().joined;
  }

  get headers_all(): Map<string, string[]> {
    const { all } = this.#allHeaders();
    if (all === undefined) throw NO_RAW_HEADERS;
    return all;
  }

  get referer(): string | undefined {
    return this.headers.get("referer");
  }

  get useragent(): string | undefined {
    return this.headers.get("user-agent");
  }

  #allHeaders(): HeaderFacts {
    return (this.#headers ??= hide(this.#facts.headers(), this.#hidden));
  }
}

const presence = (text: string): string | undefined => (text === "" ? undefined : text);

function hide(headers: HeaderFacts, hidden: ReadonlySet<string> | undefined): HeaderFacts {
  if (hidden === undefined) return headers;
  const isSeen = ([name]: readonly [string, unknown]): boolean => !hidden.has(name);
  return {
    joined: new Map([...headers.joined].filter(isSeen)),
    all: headers.all && new Map([...headers.all].filter(isSeen)),
  };
}
