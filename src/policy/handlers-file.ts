import type { QueueSettings } from "../host/delivery.ts";
import {
  delegate,
  durationMs,
  either,
  field,
  filePath,
  expected,
  ID_FORM,
  integer,
  name,
  oneOf,
  refuse,
  type NameForm,
  type Read,
} from "./fields.ts";
import { entries, mapping } from "./fields-of-collections.ts";
import { isAdapterPath } from "./references.ts";
import type { Path } from "./source.ts";
import { BROKEN, isList, isMapping, Literal, type Plain } from "./tree.ts";

/** A value of a handler's `config`, as its adapter's schema reads it. Objects have no prototype. */
export type ConfigValue = string | number | boolean | readonly ConfigValue[] | ConfigObject;

export interface ConfigObject {
  readonly [key: string]: ConfigValue;
}

/** One entry of `handlers`, before its adapter has read the configuration. */
export interface HandlerFile {
  /** Its adapter; whether there is one is not known here. */
  readonly source: AdapterSource;
  /** Empty where the file has none. */
  readonly config: ConfigObject;
  /** Where `config` stands in weir.yaml. */
  readonly configPath: Path;
  /** Undefined: all the time that a check has; of records, REPORT_DEADLINE_MS. */
  readonly deadlineMs: number | undefined;
  /** Undefined: QUEUE_DEFAULTS. */
  readonly queue: QueueFile | undefined;
}

/** Whose adapter it is: one of weir's own, by its id; a file, by its path; or a package. */
export interface AdapterSource {
  readonly kind: "own" | "file" | "package";
  readonly name: string;
}

/** How records wait for a handler. */
export type QueueFile = Omit<QueueSettings, "deadlineMs">;

/** What holds for what a `queue` does not say. */
export const QUEUE_DEFAULTS: QueueFile = { capacity: 10_000, batch: 500, waitMs: 1_000 };

/** The time that a handler has for a batch of records where its `deadline` says nothing else. */
export const REPORT_DEADLINE_MS = 10_000;

const config = () =>
  field({ type: "object" }, (value): Read<ConfigObject> =>
    isMapping(value) ? { value: objectOf(value) } : expected("a mapping", "mapping"),
  );

const QUEUE = mapping({
  capacity: integer(1, 1_000_000).optional(),
  batch: integer(1, 10_000).optional(),
  wait: durationMs(1, 60_000, "from 1ms to 60s").optional(),
}).transform(({ capacity, batch, wait }, context): QueueFile => {
  const found = {
    capacity: capacity ?? QUEUE_DEFAULTS.capacity,
    batch: batch ?? Math.min(QUEUE_DEFAULTS.batch, capacity ?? QUEUE_DEFAULTS.capacity),
    waitMs: wait ?? QUEUE_DEFAULTS.waitMs,
  };
  if (found.batch > found.capacity) {
    const message = `a queue of ${found.capacity} records never has a batch of ${found.batch}`;
    const hint = "write a `batch` of at most `capacity`";
    refuse(context, { kind: "refused", code: "wrong-value", message, hint, at: "value" }, ["batch"]);
  }
  return found;
});

/** An adapter of weir's own, or a path that says of itself that it is one. */
const ADAPTER = either([name(ID_FORM), filePath()], (value, context): AdapterSource => {
  const isPath = isAdapterPath(value);
  const found = delegate<string>(context, isPath ? filePath() : name(ID_FORM), value);
  return { kind: isPath ? "file" : "own", name: found };
});

const PACKAGE_FORM: NameForm = {
  pattern: /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/,
  what: "the name of a package, such as weir-adapter-acme or @acme/weir-adapter",
};

const HANDLER = mapping({
  adapter: ADAPTER.optional(),
  package: name(PACKAGE_FORM).optional(),
  config: config().optional(),
  deadline: durationMs(1, 60_000, "from 1ms to 60s").optional(),
  queue: QUEUE.optional(),
}).transform(({ adapter, package: written, ...more }, context) => {
  const source: AdapterSource = adapter ?? { kind: "package", name: written ?? "" };
  oneOf(context, { adapter, package: written }, ["adapter", "package"]);
  return { ...more, source };
});

/** `handlers` of weir.yaml. */
export const HANDLERS = entries(HANDLER, name(ID_FORM, "key")).transform(
  (found): ReadonlyMap<string, HandlerFile> =>
    new Map(
      Array.from(found, ([id, { source, config: written, deadline, queue }]) => [
        id,
        {
          source,
          config: written ?? objectOf(new Map()),
          configPath: ["handlers", id, "config"],
          deadlineMs: deadline,
          queue,
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
