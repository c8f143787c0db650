import { ValueFault } from "../std/fault.ts";
import { RequestBody } from "./body.ts";
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
  #body: RequestBody | undefined;

  constructor(facts: RequestFacts, readHost: typeof canonicalHost, view?: View) {
    this.#facts = facts;
    this.#readHost = readHost;
    this.#hidden = view?.hidden;
    this.#body = view?.body;
  }

  /** The same request without these headers (lower case), for rules of a policy that sets them itself. */
  without(hidden: ReadonlySet<string>): Request {
    const { joined } = this.#allHeaders();
    for (const name of hidden) {
      if (!joined.has(name)) continue;
      return new Request(this.#facts, this.#readHost, { hidden, body: this.#sharedBody() });
    }
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
    const { headerLines } = this;
    if (headerLines === undefined) throw NO_RAW_HEADERS;
    return headerLines;
  }

  /** `headers_all`, or undefined where the edge joined them. */
  get headerLines(): Map<string, string[]> | undefined {
    return this.#allHeaders().all;
  }

  get body(): Uint8Array {
    return this.#sharedBody().bytes;
  }

  get json(): unknown {
    return this.#sharedBody().json;
  }

  get referer(): string | undefined {
    return this.headers.get("referer");
  }

  get useragent(): string | undefined {
    return this.headers.get("user-agent");
  }

  #sharedBody(): RequestBody {
    return (this.#body ??= new RequestBody(this.#facts));
  }

  #allHeaders(): HeaderFacts {
    return (this.#headers ??= hide(this.#facts.headers(), this.#hidden));
  }
}

/** The same request as one policy sees it. */
interface View {
  readonly hidden: ReadonlySet<string>;
  readonly body: RequestBody;
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
