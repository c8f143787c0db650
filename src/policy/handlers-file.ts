import { durationMs, field, expected, ID_FORM, name, type Read } from "./fields.ts";
import { entries, mapping } from "./fields-of-collections.ts";
import type { Path } from "./source.ts";
import { BROKEN, isList, isMapping, Literal, type Plain } from "./tree.ts";

/** A value of a handler's `config`, as its adapter's schema reads it. Objects have no prototype. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigObject;

export interface ConfigObject {
  readonly [key: string]: ConfigValue;
}

/** One entry of `handlers`, before its adapter has read the configuration. */
export interface HandlerFile {
  /** The id of its adapter; whether there is one is not known here. */
  readonly adapter: string;
  /** Empty where the file has none. */
  readonly config: ConfigObject;
  /** Where `config` stands in weir.yaml. */
  readonly configPath: Path;
  /** Undefined: all the time that a check has. */
  readonly deadlineMs: number | undefined;
}

const config = () =>
  field({ type: "object" }, (value): Read<ConfigObject> =>
    isMapping(value) ? { value: objectOf(value) } : expected("a mapping", "mapping"),
  );

const HANDLER = mapping({
  adapter: name(ID_FORM),
  config: config().optional(),
  deadline: durationMs(1, 60_000, "from 1ms to 60s").optional(),
});

/** `handlers` of weir.yaml. */
export const HANDLERS = entries(HANDLER, name(ID_FORM, "key")).transform(
  (found): ReadonlyMap<string, HandlerFile> =>
    new Map(
      Array.from(found, ([id, { adapter, config: written, deadline }]) => [
        id,
        {
          adapter,
          config: written ?? objectOf(new Map()),
          configPath: ["handlers", id, "config"],
          deadlineMs: deadline,
        },
      ]),
    ),
);

function objectOf(entriesOfOne: ReadonlyMap<string, Plain>): ConfigObject {
  const object: Record<string, ConfigValue> = Object.fromEntries(
    Array.from(entriesOfOne, ([key, value]) => [key, configValue(value)]),
  );
  Object.setPrototypeOf(object, null);
  return object;
}

function configValue(plain: Plain): ConfigValue {
  if (typeof plain === "string") return plain;
  if (plain instanceof Literal) return plain.value;
  if (isList(plain)) return plain.map(configValue);
  // What is broken has its diagnostic already.
  return plain === BROKEN || !isMapping(plain) ? "" : objectOf(plain);
}
