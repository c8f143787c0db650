/**
 * Whose fault it is that a value cannot be had, recorded where the value is read.
 * - `request`: something of the request is missing or malformed (400)
 * - `raw-headers`: `request.headers_all` was read and Envoy sent joined headers (403)
 * - `budget`: the expression used up its steps (400)
 * - `ours`: a back-end of ours failed; the only kind that may become an error answer
 */
export type Fault = "request" | "raw-headers" | "budget" | "ours";

/**
 * Thrown by a getter of an attribute whose value cannot be had, with the fault to record.
 * A getter that returns `undefined` says the same with the fault `request`.
 */
export class ValueFault extends Error {
  readonly fault: Fault;
  constructor(fault: Fault) {
    super(`no value: ${fault}`);
    this.name = "ValueFault";
    this.fault = fault;
  }
}
