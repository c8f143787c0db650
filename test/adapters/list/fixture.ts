import type { Fixture } from "../conformance.ts";

const SECRET = "tok-5e2c9b";
const LINES = "# people\nann\nbob\n";

/** The list adapter for the conformance suite. */
export const LIST: Fixture = {
  good: [
    { config: { type: "strings", entries: ["ann"] }, prepare: () => undefined },
    {
      config: { type: "strings", file: "people.txt" },
      prepare: (host) => host.files.set("people.txt", Buffer.from(LINES)),
    },
    {
      config: { type: "strings", url: `https://lists.example.com/people?token=${SECRET}` },
      prepare: (host) => (host.remote = { kind: "answers", answer: () => ({ body: Buffer.from(LINES) }) }),
    },
  ],
  bad: [
    [{ type: "strings" }, /exactly one of entries, file, url/],
    [{ type: "strings", entries: [], file: "x" }, /exactly one of entries, file, url/],
    [{ type: "strings", entries: [5] }, /write each entry as text/],
    [{ type: "strings", entries: "ann" }, /write a list of texts/],
    [
      { type: "addresses", entries: ["10.0.0.0/99"] },
      /"10.0.0.0\/99" is neither an IP address nor a network/,
    ],
    [{ type: "regexes", entries: ["(a"] }, /no regular expression of RE2/],
    [{ type: "regexes", entries: ["(?=a)"] }, /no regular expression of RE2/],
    [{ type: "words", entries: [] }, /one of strings, caseInsensitive, addresses, regexes/],
    [{ type: "strings", means: "maybe", entries: [] }, /one of allow, deny/],
    [{ type: "strings", file: "" }, /write the path of a file/],
    [{ type: "strings", file: "x", refresh: "60" }, /a duration with its unit/],
    [{ type: "strings", file: "x", refresh: 60 }, /a duration with its unit/],
    [{ type: "strings", file: "x", refresh: "10ms" }, /a duration from 1000 ms/],
    [{ type: "strings", file: "x", maxBytes: "much" }, /a number of bytes/],
    [{ type: "strings", file: "x", maxBytes: "1000MiB" }, /a number of bytes from 1/],
    [{ type: "strings", entries: [], refresh: "60s" }, /goes with file and url/],
    [{ type: "strings", url: "ftp://x/" }, /write a URL such as/],
    [{ type: "strings", url: `https://user:${SECRET}@x/` }, /may not hold a user or a password/],
    [{ type: "strings", entries: [], colour: "red" }, /colour: there is no such key; the keys are entries/],
  ],
  localFaults: [{ type: "strings", file: "missing.txt" }],
  inputs: [new Map([["value", "ann"]]), new Map([["value", "eve-0c1d"]])],
  secrets: [SECRET, "eve-0c1d"],
};
