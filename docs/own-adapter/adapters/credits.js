/** Asks a service of ours how much credit a customer has. Who has none is refused with 402. */
export default ({ mapping, httpUrl, secret }) => ({
  id: "credits",
  summary: "Asks our credit service how much credit a customer has",
  config: mapping({ url: httpUrl(), token: secret() }),
  inputs: {
    check: {
      customer: { type: "string", presence: "required", class: "open", meaning: "Whose credit it is" },
    },
  },
  outputs: {
    credit: { type: "int", meaning: "What is left of it" },
  },
  create: (config, host) => new Credits(config, host),
});

class Credits {
  #config;
  #host;
  #status = { state: "starting", detail: "nobody has asked yet" };

  constructor(config, host) {
    this.#config = config;
    this.#host = host;
  }

  /** Nothing to begin: whether the service is there shows when it is asked. */
  async start() {}

  /** Saying no is an answer; rejecting means that it could not be decided. */
  async check(input, { deadlineAtMs, signal }) {
    const token = await this.#host.secret(this.#config.token);
    const { status, body } = await this.#host.fetch({
      url: this.#config.url,
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ customer: input.get("customer") }),
      maxBytes: 4_096,
      timeoutMs: Math.max(1, deadlineAtMs - this.#host.nowMs()),
      signal,
    });
    if (status !== 200) return this.#failed(`the credit service has answered ${status}`);
    const { credit } = JSON.parse(body.toString());
    if (!Number.isInteger(credit)) return this.#failed("the credit service has said no whole number");
    this.#status = { state: "ready", detail: "the credit service answers" };
    if (credit <= 0) return { verdict: "deny", status: 402, message: "no credit is left" };
    return { verdict: "allow", outputs: new Map([["credit", BigInt(credit)]]) };
  }

  status() {
    return this.#status;
  }

  async close() {}

  #failed(reason) {
    this.#status = { state: "failing", detail: reason };
    return { verdict: "error", reason };
  }
}
