import { Attributes, type Reading } from "../attributes/attributes.ts";
import type { CheckFacts, PeerFacts, RequestFacts } from "../attributes/facts.ts";
import { Client } from "../attributes/peer.ts";
import { Request } from "../attributes/request.ts";
import { UNKNOWN } from "../cel/expression.ts";
import { assumedLimits } from "../limits/assumed.ts";
import type { RecordedDecision } from "../policy/recorded-decision.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { ValueFault } from "../std/fault.ts";
import { Ip } from "../std/ip.ts";
import type { Question } from "./question.ts";

/** Thrown where a value was not recorded: nobody can say what it was. */
const UNRECORDED = new ValueFault("ours");

const unrecorded = (): never => {
  throw UNRECORDED;
};

/**
 * A recorded request as another configuration reads it. What the line does not have is UNKNOWN by our fault, so that a verdict that
 * depends on it is an error, and one that does not is sure. Undefined where the line has no request.
 */
export function recordedQuestion(recorded: RecordedDecision, snapshot: Snapshot): Question | undefined {
  const { request, time, verdict, policy, rule } = recorded;
  if (request === undefined) return undefined;
  const nowMs = Date.parse(time);
  return {
    snapshot,
    attributes: new RecordedAttributes(request, snapshot.settings),
    backends: {
      find: () => ({ kind: "unavailable", reason: "it was not recorded" }),
      ask: () => ({ verdict: "error", reason: "it was not recorded" }),
    },
    // What was exhausted still is, and everything else has room.
    limits: assumedLimits((quota) =>
      verdict === "deny" && quota.policy === policy && quota.id === rule
        ? { result: "exceeds", readings: [] }
        : undefined,
    ),
    nowMs,
    askUntilMs: Infinity,
    given: new RecordedIdentities(recorded.identities ?? {}),
  };
}

type Recorded = NonNullable<RecordedDecision["request"]>;

function factsOf(request: Recorded): CheckFacts {
  const { protocol, source, destination, sni = "", route } = request;
  return {
    request: protocol === "tcp" ? undefined : requestFacts(request),
    source: peerFacts(source?.spiffe),
    destination: peerFacts(destination?.spiffe),
    serverName: sni,
    proxy: {
      get principal(): never {
        return unrecorded();
      },
      listenerRole: undefined,
    },
    contextExtensions: () => recordedMap(route === undefined ? [] : [["weir.route", route]], ["weir.route"]),
    metadata: unrecorded,
  };
}

const peerFacts = (principal = ""): PeerFacts => ({
  principal,
  certificate: "",
  get port(): never {
    return unrecorded();
  },
  get address(): never {
    return unrecorded();
  },
});

/** `hidden` are headers that are not there for whoever looks. */
const requestFacts = (
  { method = "", scheme = "", host = "", path = "", headers = {} }: Recorded,
  hidden: readonly string[] = [],
): RequestFacts => ({
  id: "",
  method,
  path,
  host,
  scheme,
  protocol: "",
  sizeBytes: undefined,
  timeMs: undefined,
  headers: () => ({ joined: recordedMap(Object.entries(headers), hidden), all: undefined }),
  body: unrecorded,
});

/**
 * A map of which some entries are known: of the others nothing is, not even whether they are there. Expressions take for a map what is
 * a Map and no subclass of it, so its methods are its own.
 */
function recordedMap(
  entries: readonly (readonly [string, string])[],
  absent: readonly string[] = [],
): Map<string, string> {
  const known = new Map(entries);
  const has = (name: string): boolean => known.has(name) || (!absent.includes(name) && unrecorded());
  const map = new Map<string, string>();
  const own = { has, get: (name: string) => (has(name) ? known.get(name) : undefined) };
  Object.assign(map, own, { [Symbol.iterator]: unrecorded });
  return Object.defineProperty(map, "size", { get: unrecorded });
}

class RecordedAttributes extends Attributes {
  readonly #client: Client;
  readonly #recorded: Recorded;
  readonly #reading: Reading;
  #request: Request | undefined;

  constructor(recorded: Recorded, reading: Reading) {
    super(factsOf(recorded), reading);
    this.#recorded = recorded;
    this.#reading = reading;
    this.#client = new RecordedClient(recorded.client);
  }

  override get client(): Client {
    return this.#client;
  }

  override get request(): Request {
    // A connection has none, and says so.
    if (this.kind === "connection") return super.request;
    return (this.#request ??= new RecordedRequest(this.#recorded, this.#reading.host));
  }
}

/** `client.ip`, where it was written as it is. */
class RecordedClient extends Client {
  static {
    seenAs(this.prototype, Client);
  }

  constructor(recorded: string | undefined) {
    const ip = recorded === undefined ? undefined : Ip.parse(recorded);
    super(ip);
    if (ip === undefined) Object.defineProperty(this, "ip", { get: unrecorded });
  }
}

/** What lines do not have of a request: its query, its body, and what else Envoy says of it. */
class RecordedRequest extends Request {
  static {
    seenAs(this.prototype, Request);
  }

  readonly #recorded: Recorded;
  readonly #readHost: Reading["host"];

  constructor(recorded: Recorded, readHost: Reading["host"], hidden: readonly string[] = []) {
    super(requestFacts(recorded, hidden), readHost);
    this.#recorded = recorded;
    this.#readHost = readHost;
  }

  override without(hidden: ReadonlySet<string>): Request {
    const headers = Object.entries(this.#recorded.headers ?? {}).filter(([name]) => !hidden.has(name));
    const seen = { ...this.#recorded, headers: Object.fromEntries(headers) };
    return new RecordedRequest(seen, this.#readHost, [...hidden]);
  }

  override get path(): never {
    return unrecorded();
  }

  override get query(): never {
    return unrecorded();
  }

  override get query_params(): never {
    return unrecorded();
  }

  override get protocol(): never {
    return unrecorded();
  }

  override get id(): never {
    return unrecorded();
  }

  override get size(): never {
    return unrecorded();
  }

  override get time(): never {
    return unrecorded();
  }

  override get headers_all(): never {
    return unrecorded();
  }
}

/** Expressions tell types by their constructors. */
function seenAs(prototype: object, constructor: unknown): void {
  Object.defineProperty(prototype, "constructor", { value: constructor });
}

const DIGEST = /^#[0-9a-f]{12}$/;

/** Who asked: where an identity is not in the line, nobody knows; where its fields are digests, they are not known. */
class RecordedIdentities extends Map<string, ReadonlyMap<string, unknown>> {
  readonly #recorded: NonNullable<RecordedDecision["identities"]>;

  constructor(recorded: NonNullable<RecordedDecision["identities"]>) {
    super();
    this.#recorded = recorded;
  }

  override get(name: string): ReadonlyMap<string, unknown> | undefined {
    const fields = Object.hasOwn(this.#recorded, name) ? this.#recorded[name] : unrecorded();
    if (fields === null || fields === undefined) return undefined;
    const known = Object.entries(fields).map(([field, value]): [string, unknown] => [
      field,
      typeof value === "string" && DIGEST.test(value) ? UNKNOWN.ours : asMaps(value),
    ]);
    return new Map(known);
  }
}

/** Mappings of JSON as expressions have them. */
function asMaps(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asMaps);
  if (typeof value !== "object" || value === null) return value;
  return new Map(Object.entries(value).map(([key, one]) => [key, asMaps(one)]));
}
