import { createHash, timingSafeEqual } from "node:crypto";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ListenAddress } from "../std/listen-address.ts";
import { PerSecond } from "../std/per-second.ts";
import type { ListenerTls } from "../std/tls-files.ts";
import { PAGE_HEADERS, readConsole, wantsConsole, type ConsoleFile } from "./console.ts";
import {
  decisionsWanted,
  differencesWanted,
  type DecisionsSource,
  type DifferencesSource,
} from "./decisions.ts";
import { explainAnswerer, MAX_ASKED_BYTES, type ExplainSource } from "./explain.ts";
import { createAnyServer, listenFastify, type AnyHttpServer, type HttpListener } from "./listener.ts";
import { listAnswerer, resetAnswerer, type QuotasSource } from "./quotas.ts";
import { BODY_TYPES, siteGuard, type Proof } from "./sites.ts";

export interface AdminListenerOptions {
  readonly address: ListenAddress;
  readonly tls?: ListenerTls | undefined;
  /** The token as it is now; undefined: whoever can connect may look. Rejects where it cannot be had, which refuses everyone. */
  readonly token?: (() => Promise<string>) | undefined;
  /** What `/status` shows; it holds no secrets. */
  readonly status: () => object;
  /** What `/account` shows: what became of access-log entries. */
  readonly account: () => object;
  /** What `/decisions` shows; it holds no secrets either. */
  readonly decisions: DecisionsSource;
  /** What `/differences` shows; nor does it. */
  readonly differences: DifferencesSource;
  /** Answers `/explain`. */
  readonly explain: ExplainSource;
  /** What `/quotas` shows, and forgets; it shows no secrets. */
  readonly quotas: QuotasSource;
  /** Told of what was thrown. */
  readonly onError: (error: unknown) => void;
}

/** Wrong tokens are guesses: with more than this a second, all are refused unseen until the next. */
const MAX_WRONG_TOKENS = 10;

/** The listener for operators: the console, `/status`, `/account`, `/decisions`, `/quotas`, `/explain`, and an index of what there is. */
export async function startAdminListener(options: AdminListenerOptions): Promise<HttpListener> {
  const app = fastify({
    bodyLimit: MAX_ASKED_BYTES,
    forceCloseConnections: true,
    serverFactory: (handler) => createAnyServer(options.tls, {}, handler),
  });
  const { page, files } = await readConsole();
  const isPage = ({ url, headers }: FastifyRequest): boolean =>
    pathOf(url) === "/" && wantsConsole(headers.accept);
  const refusalByToken = tokenGuard(options);
  const refusalBySite = siteGuard(proofOf(options));
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(PAGE_HEADERS);
    const { method, headers, url } = request;
    const elsewhere = refusalBySite({ method, headers, isPage: isPage(request) });
    if (elsewhere !== undefined) return reply.status(elsewhere.status).send({ error: elsewhere.error });
    const isOpen = isPage(request) || files.has(pathOf(url));
    const refusal = isOpen ? undefined : await refusalByToken(request);
    return refusal === undefined ? undefined : refuse(reply, refusal);
  });
  app.get("/", (request, reply) => {
    reply.header("vary", "accept");
    return isPage(request) ? sendFile(reply, page) : reply.type("text/plain").send(INDEX);
  });
  for (const [path, file] of files) app.get(path, (_request, reply) => sendFile(reply, file));
  addPages(app, options);
  const address = await listenFastify(app, options.address);
  return { address, close: () => app.close() };
}

/** The pages of data, and what is answered where there is none. */
function addPages(app: FastifyInstance<AnyHttpServer>, options: AdminListenerOptions): void {
  app.get("/status", (_request, reply) => sendJson(reply, options.status()));
  app.get("/account", (_request, reply) => sendJson(reply, options.account()));
  app.get("/decisions", (request, reply) => {
    const wanted = decisionsWanted(request.query as Readonly<Record<string, unknown>>);
    return typeof wanted === "string"
      ? reply.status(400).send({ error: wanted })
      : sendJson(reply, { decisions: options.decisions.list(wanted) });
  });
  app.get<{ Params: { readonly id: string } }>("/decisions/:id", (request, reply) => {
    const found = options.decisions.find(request.params.id);
    return found === undefined ? reply.status(404).send({ error: GONE }) : sendJson(reply, found);
  });
  app.get("/differences", (request, reply) => {
    const wanted = differencesWanted(request.query as Readonly<Record<string, unknown>>);
    if (typeof wanted === "string") return reply.status(400).send({ error: wanted });
    const { differences } = options;
    return sendJson(reply, {
      candidate: differences.candidate() ?? null,
      counts: differences.counts(),
      differences: differences.list(wanted),
    });
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser([...BODY_TYPES], { parseAs: "buffer" }, (_request, body, done) =>
    done(null, body),
  );
  const explain = explainAnswerer(options.explain);
  app.post("/explain", async (request, reply) => sendAnswer(reply, await explain(bytesOf(request))));
  const list = listAnswerer(options.quotas);
  app.get("/quotas", async (request, reply) =>
    sendAnswer(reply, await list(request.query as Readonly<Record<string, unknown>>)),
  );
  const reset = resetAnswerer(options.quotas);
  app.post("/quotas/reset", async (request, reply) => sendAnswer(reply, await reset(bytesOf(request))));
  app.setNotFoundHandler((_request, reply) =>
    reply.status(404).send({ error: "there is no such page; see /" }),
  );
  app.setErrorHandler((error, _request, reply) => {
    const refusal = refusalOf(error);
    if (refusal !== undefined) return reply.status(refusal.status).send({ error: refusal.error });
    options.onError(error);
    return reply.status(500).send({ error: "an exception; the log has it" });
  });
}

const pathOf = (url: string): string => url.split("?", 1)[0] ?? url;

/** Over TLS a name that is not in the certificate leads nowhere, and no browser opens a socket file. */
const proofOf = ({ token, tls, address }: AdminListenerOptions): Proof =>
  token === undefined && tls === undefined && address.kind === "tcp" ? "anybody" : "proved";

/** What the framework refuses of a request, in our words; undefined for an exception. */
function refusalOf(error: unknown): { readonly status: number; readonly error: string } | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  if (typeof status !== "number" || status < 400 || status >= 500) return undefined;
  return {
    status,
    error: status === 413 ? `more than ${MAX_ASKED_BYTES} bytes` : "the request cannot be read",
  };
}

const INDEX = `weir

/                the console, for browsers
/status          configuration, teams, handlers (JSON)
/decisions       the last refusals and faults (JSON); ?policy= &rule= &verdict= &since= &limit=
/decisions/d_…   why one of them was refused
/differences     what rules in shadow, or the candidate, would have answered otherwise (JSON); ?kind= &policy= &rule= &since= &limit=
/quotas          quotas, their busiest keys and what is left (JSON); ?policy= &quota= &limit=
/quotas/reset    POST { policy, quota, key } or { id }: forgets one counter
/account         what became of access-log entries, by handler (JSON)
/explain         POST { request, as, backends, now }: why that would be allowed or denied (JSON)
`;

const GONE = "this process has no such refusal: it is too long ago, or another replica's";

const sendJson = (reply: FastifyReply, value: object): FastifyReply =>
  reply
    .header("cache-control", "no-store")
    .type("application/json")
    .send(`${JSON.stringify(value, null, 2)}\n`);

interface Answer {
  readonly status: number;
  readonly body: object;
}

function sendAnswer(reply: FastifyReply, { status, body }: Answer): FastifyReply {
  if (status === 429) reply.header("retry-after", "1");
  return sendJson(reply.status(status), body);
}

const bytesOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

const sendFile = (reply: FastifyReply, { type, content }: ConsoleFile): FastifyReply =>
  reply.header("cache-control", "no-store").type(type).send(content);

type Refusal = "no-token" | "wrong-token" | "too-many";

const refuse = (reply: FastifyReply, refusal: Refusal): FastifyReply => {
  switch (refusal) {
    case "no-token":
      return unauthorized(reply, "send the admin token: authorization: Bearer …");
    case "wrong-token":
      return unauthorized(reply, "this is not the admin token");
    case "too-many":
      return reply
        .status(429)
        .header("retry-after", "1")
        .send({ error: "too many wrong tokens; wait a second" });
  }
};

const unauthorized = (reply: FastifyReply, error: string): FastifyReply =>
  reply.status(401).header("www-authenticate", 'Bearer realm="weir"').send({ error });

/** Why a request is refused; undefined where it is not. */
function tokenGuard({
  token,
  onError,
}: AdminListenerOptions): (request: FastifyRequest) => Promise<Refusal | undefined> {
  const wrong = new PerSecond(MAX_WRONG_TOKENS);
  return async (request) => {
    if (token === undefined) return undefined;
    const presented = /^Bearer +([^\s]+)$/i.exec(request.headers.authorization ?? "")?.[1];
    if (presented === undefined) return "no-token";
    if (wrong.isFull(performance.now())) return "too-many";
    try {
      if (isSame(presented, await token())) return undefined;
    } catch (error) {
      onError(error);
    }
    wrong.takes(performance.now());
    return "wrong-token";
  };
}

/** Digests have one length, so neither the length nor the content of the token shows in the time that this takes. */
const isSame = (presented: string, token: string): boolean =>
  token !== "" && timingSafeEqual(digest(presented), digest(token));

const digest = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
