import { Agent, type IncomingMessage, request as httpRequest } from "node:http";

/** Requests that never stop, on a few connections that are kept. */
export interface Load {
  /** How many were answered since the beginning. */
  readonly answered: number;
  /** What was not as it should be, one sentence a request. */
  readonly wrong: readonly string[];
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly port: number;
  readonly path?: string;
  /** The headers of the next request. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** What is wrong with an answer; undefined: nothing. `sent` are the headers that it answers. */
  readonly judge: (answer: LoadAnswer, sent: Readonly<Record<string, string>>) => string | undefined;
}

export interface LoadAnswer {
  readonly status: number;
  readonly body: string;
}

const connections = 4;

/** Starts the load; a request that has no answer is wrong. */
export function startLoad({ port, path = "/", headers, judge }: LoadOptions): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const wrong: string[] = [];
  let answered = 0;
  let isStopped = false;
  const sendOne = async (): Promise<void> => {
    const sent = headers();
    const answer = await exchange({ port, path, agent, headers: sent }).catch((error: unknown) =>
      String(error),
    );
    answered += 1;
    const complaint = typeof answer === "string" ? answer : judge(answer, sent);
    if (complaint !== undefined) wrong.push(complaint);
  };
  const loops = Array.from({ length: connections }, async () => {
    while (!isStopped) await sendOne();
  });
  return {
    get answered() {
      return answered;
    },
    wrong,
    async stop() {
      isStopped = true;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}

interface Exchange {
  readonly port: number;
  readonly path: string;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
}

function exchange(options: Exchange): Promise<LoadAnswer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...options, host: "127.0.0.1", timeout: 5000 }, (response) => {
      bodyOf(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 5000 ms")));
    request.on("error", reject).end();
  });
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}
