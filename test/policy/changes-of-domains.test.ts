import assert from "node:assert/strict";
import { linesOf, replaced, stateOf, type Files } from "./changed.ts";

const ADDRESS = "  - { key: remote_address, rate_limit: { unit: minute, requests_per_unit: 100 } }\n";
const WILDCARD =
  "  - { key: path, value: /a/*, shadow_mode: true, rate_limit: { unit: day, requests_per_unit: 1 } }\n";
const EDGE = `domain: edge
headers: draft-11
descriptors:
${ADDRESS}  - key: plan
    value: gold
    descriptors:
      - { key: user, rate_limit: { unit: hour, requests_per_unit: 5000 } }
${WILDCARD}  - { key: path, value: /*, limits: [{ unit: second, requests_per_unit: 9 }] }
`;

const ALL: Files = { "p/edge.yaml": EDGE };
const having = (...pairs: Parameters<typeof replaced>[1]): Files => ({
  "p/edge.yaml": replaced(EDGE, pairs),
});

describe("what changes in files of rate limits", () => {
  const rows: Readonly<Record<string, readonly [after: Files, lines: readonly string[]]>> = {
    "nothing, when the file moves and its descriptors stand in another order": [
      {
        "q/limits.yaml": `# Moved.\n${replaced(EDGE, [
          [ADDRESS, ""],
          [WILDCARD, `${WILDCARD}${ADDRESS}`],
        ])}`,
      },
      [],
    ],
    "a limit of a descriptor, one more below another, one less": [
      having(
        ["5000 } }\n", "4000 } }\n      - { key: team, rate_limit: { unlimited: true } }\n"],
        [ADDRESS, ""],
      ),
      [
        "removed descriptor edge: remote_address",
        ...["- rate_limit.unit: minute", "- rate_limit.requests_per_unit: 100"],
        "changed descriptor edge: plan=gold, user",
        ...["- rate_limit.requests_per_unit: 5000", "+ rate_limit.requests_per_unit: 4000"],
        ...["added descriptor edge: plan=gold, team", "+ rate_limit.unlimited: true"],
      ],
    ],
    "a limit that refuses now, and one of several": [
      having([" shadow_mode: true,", ""], ["requests_per_unit: 9", "requests_per_unit: 8"]),
      [
        ...["to-enforcement descriptor edge: path=/a/*", "- shadow_mode: true"],
        "changed descriptor edge: path=/*",
        ...[
          "- limits: [{unit: second, requests_per_unit: 9}]",
          "+ limits: [{unit: second, requests_per_unit: 8}]",
        ],
      ],
    ],
    "what holds for a whole domain, and which wildcard comes first": [
      having(
        ["headers: draft-11\n", "onError: deny\n"],
        [WILDCARD, ""],
        ["value: gold\n", "value: gold\n    rate_limit: { unit: day, requests_per_unit: 1 }\n"],
        ["9 }] }\n", `9 }] }\n${WILDCARD}`],
      ),
      [
        ...["changed domain edge", "- headers: draft-11", "+ onError: deny"],
        ...["- order of wildcards: path=/a/*, path=/*", "+ order of wildcards: path=/*, path=/a/*"],
        "changed descriptor edge: plan=gold",
        ...["+ rate_limit.unit: day", "+ rate_limit.requests_per_unit: 1"],
      ],
    ],
    "a domain that goes": [
      {},
      [
        ...["removed domain edge", "- headers: draft-11"],
        "removed descriptor edge: remote_address",
        ...["- rate_limit.unit: minute", "- rate_limit.requests_per_unit: 100"],
        "removed descriptor edge: plan=gold",
        "removed descriptor edge: plan=gold, user",
        ...["- rate_limit.unit: hour", "- rate_limit.requests_per_unit: 5000"],
        "removed descriptor edge: path=/a/*",
        ...["- shadow_mode: true", "- rate_limit.unit: day", "- rate_limit.requests_per_unit: 1"],
        ...["removed descriptor edge: path=/*", "- limits: [{unit: second, requests_per_unit: 9}]"],
      ],
    ],
  };
  for (const [what, [after, lines]] of Object.entries(rows)) {
    it(what, () => assert.deepEqual(linesOf(stateOf(ALL), stateOf(after)), lines));
  }

  it("all of it, where there was nothing", () => {
    const lines = linesOf(stateOf({}), stateOf(ALL));
    assert.deepEqual(
      lines.filter((line) => !line.startsWith("+")),
      [
        "edge",
        ...["remote_address", "plan=gold", "plan=gold, user", "path=/a/*", "path=/*"].map(
          (path) => `edge: ${path}`,
        ),
      ].map((name) => `added ${name === "edge" ? "domain" : "descriptor"} ${name}`),
    );
  });
});
