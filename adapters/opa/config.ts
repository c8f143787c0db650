import { z } from "zod";
import { bytes, httpUrl, mapping, secret, word } from "../../src/adapter/config.ts";
import type { SecretSource } from "../../src/adapter/host.ts";
import { REMEMBERING, type Remembering } from "../../src/adapter/remembered-config.ts";
import { outputsOf, valueType } from "../../src/adapter/typed-values.ts";

export interface OpaConfig extends Remembering {
  /** The document that is asked for, of OPA's Data API. */
  readonly url: string;
  readonly path: string;
  readonly token: SecretSource | undefined;
  /** The field of a result that is an object which says whether it is a yes. */
  readonly verdict: string;
  /** What a result that is not defined for an input means. */
  readonly undefined: "error" | "deny";
  readonly outputs: Readonly<Record<string, string>>;
  readonly maxBytes: number;
}

const PATH_FORM = "write the path of a rule, such as mesh/orders/allow";

export const CONFIG: z.ZodType<OpaConfig> = mapping({
  url: httpUrl(),
  path: z
    .string({ error: PATH_FORM })
    .max(512, { error: PATH_FORM })
    .regex(/^[A-Za-z0-9_.~-]+(\/[A-Za-z0-9_.~-]+)*$/, { error: PATH_FORM })
    // The path of a URL goes up where it has these.
    .refine((path) => !path.split("/").some((part) => part === "." || part === ".."), { error: PATH_FORM }),
  token: secret().optional(),
  verdict: z
    .string({ error: "write the name of a field" })
    .min(1, { error: "write the name of a field" })
    .default("allow"),
  undefined: word(["error", "deny"]).default("error"),
  outputs: outputsOf(valueType()),
  maxBytes: bytes(64, 4 * 1_048_576).default(65_536),
  ...REMEMBERING,
}).transform(({ url, token, ...written }, context): OpaConfig => {
  if (new URL(url).search !== "") {
    context.addIssue({ code: "custom", message: "write the URL without a query", path: ["url"] });
  }
  for (const name of ["decision_id", "result"]) {
    if (!Object.hasOwn(written.outputs, name)) continue;
    const message = `${name} is an output of every handler`;
    context.addIssue({ code: "custom", message, path: ["outputs", name] });
  }
  return { ...written, token, url: `${url.replace(/\/+$/, "")}/v1/data/${written.path}` };
});
