import type { Fixture } from "../conformance.ts";
import { fieldRecord } from "../records.ts";

const PERSON = "eve-0c1d";

/** The file adapter for the conformance suite. */
export const FILE: Fixture = {
  good: [
    { file: "access.jsonl" },
    { file: "/var/log/weir/access.jsonl", rotateAt: "1MiB", rotateEvery: "1d", keep: 30, keepFor: "30d" },
  ].map((config) => ({
    config,
    prepare: (host) => (host.remote = { kind: "answers", answer: () => ({}) }),
  })),
  bad: [
    [{}, /write the path of a file/],
    [{ file: "" }, /write the path of a file/],
    [{ file: "logs/" }, /write the path of a file/],
    [{ file: "a", rotateAt: "1KiB" }, /a number of bytes from 1048576/],
    [{ file: "a", rotateEvery: "1s" }, /a duration from 60000 ms/],
    [{ file: "a", keep: 0 }, /a whole number from 1 to 1000/],
    [{ file: "a", keep: 1.5 }, /a whole number from 1 to 1000/],
    [{ file: "a", keep: "all" }, /a whole number from 1 to 1000/],
    [{ file: "a", keepFor: "30d" }, /keepFor goes with rotateEvery/],
    [{ file: "a", rotateEvery: "1d", keepFor: "1m" }, /a duration from 3600000 ms/],
    [{ file: "a", personal: true }, /one of digest, plain/],
    [{ file: "a", colour: "red" }, /colour: there is no such key; the keys are file/],
  ],
  localFaults: [{ file: "/missing/access.jsonl" }],
  inputs: [],
  records: [
    fieldRecord({ user: PERSON }),
    fieldRecord(),
    fieldRecord({}, { added: new Map([["team", "shop"]]) }),
  ],
  secrets: [PERSON],
};
