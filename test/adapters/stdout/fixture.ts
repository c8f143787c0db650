import type { Fixture } from "../conformance.ts";
import { fieldRecord } from "../records.ts";

const PERSON = "eve-0c1d";

/** The stdout adapter for the conformance suite. */
export const STDOUT: Fixture = {
  good: [{}, { personal: "plain", maxLine: "4KiB" }].map((config) => ({
    config,
    prepare: (host) => (host.remote = { kind: "answers", answer: () => ({}) }),
  })),
  bad: [
    [{ personal: "hidden" }, /one of digest, plain/],
    [{ maxLine: "much" }, /a number of bytes/],
    [{ maxLine: 100 }, /a number of bytes from 1024/],
    [{ colour: "red" }, /colour: there is no such key; the keys are personal/],
  ],
  localFaults: [],
  inputs: [],
  records: [
    fieldRecord({ user: PERSON }),
    fieldRecord(),
    fieldRecord({}, { added: new Map([["team", "shop"]]) }),
  ],
  secrets: [PERSON],
};
