import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ownFolder, run } from "../cli/fixture.ts";
import { needModule } from "../support/need.ts";
import { objectsIn, policyOf } from "../envoy/fixture.ts";

const repository = join(import.meta.dirname, "../..");
const AT = ["--at", "weir.weir.svc.cluster.local:9191"];

const object = z.record(z.string(), z.unknown());
/** What of a CustomResourceDefinition says how an object is written. */
const definition = z.object({
  kind: z.literal("CustomResourceDefinition"),
  spec: z.object({
    group: z.string(),
    names: z.object({ kind: z.string() }),
    versions: z.array(z.object({ name: z.string(), schema: z.object({ openAPIV3Schema: object }) })),
  }),
});

/** What stands at the top of each object and is Kubernetes' own. */
const COMMON = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: {
    type: "object",
    properties: { name: { type: "string" }, namespace: { type: "string" } },
    required: ["name", "namespace"],
  },
};

/**
 * A schema of a definition as JSON Schema: keys that it does not list are errors, as with `--validate=strict`; a bound that is
 * exclusive is a number there, and a word here (OpenAPI 3.0).
 */
function strict(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const {
    properties,
    items,
    additionalProperties,
    exclusiveMaximum,
    exclusiveMinimum,
    maximum,
    minimum,
    ...rest
  } = schema;
  const children = object.optional().parse(properties);
  const isOpen = schema["x-kubernetes-preserve-unknown-fields"] === true;
  const below = object.safeParse(additionalProperties).data;
  return {
    ...rest,
    ...(children && {
      properties: Object.fromEntries(
        Object.entries(children).map(([name, child]) => [name, strict(object.parse(child))]),
      ),
      ...(isOpen || below !== undefined ? {} : { additionalProperties: false }),
    }),
    ...(items === undefined ? {} : { items: strict(object.parse(items)) }),
    ...(below && { additionalProperties: strict(below) }),
    ...bound("aximum", maximum, exclusiveMaximum),
    ...bound("inimum", minimum, exclusiveMinimum),
  };
}

const bound = (end: "aximum" | "inimum", value: unknown, isExclusive: unknown) =>
  value === undefined ? {} : { [isExclusive === true ? `exclusiveM${end}` : `m${end}`]: value };

/** Validators of a text with definitions, by `group/version kind`. */
function validatorsOf(texts: readonly string[]): ReadonlyMap<string, ValidateFunction> {
  // The formats of OpenAPI say how wide a number is, and limits say what it may be.
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false });
  const found = new Map<string, ValidateFunction>();
  for (const document of texts.flatMap((text) => [...parseAllDocuments(text)])) {
    const { data } = definition.safeParse(document.toJS());
    for (const { name, schema } of data?.spec.versions ?? []) {
      const { openAPIV3Schema: whole } = schema;
      const properties = { ...object.parse(whole["properties"]), ...COMMON };
      const key = `${data?.spec.group ?? ""}/${name} ${data?.spec.names.kind ?? ""}`;
      found.set(key, ajv.compile(strict({ ...whole, properties })));
    }
  }
  return found;
}

const SHARED: Readonly<Record<string, string>> = {
  "edge.yaml":
    "domain: edge\ndescriptors:\n  - { key: user, rate_limit: { unit: day, requests_per_unit: 1 } }\n",
};
const EVERYTHING =
  '!has(source.principal) || size(request.body) > 1 || "a" in request.headers_all || connection.requested_server_name == "a"';
const OWNED = "    request: { set: { x-user: someone } }\n";
const TLS = `weir: 1
listen:
  grpc: { address: 0.0.0.0:9191, tls: { cert: a.crt, key: a.key, clientCa: ca.crt } }
secrets: { mac: { env: WEIR_MAC } }
`;
const LATE = `quotas:
  - id: tokens
    windows: [{ limit: 9, per: day }]
    cost: { reserve: "1", settle: 'int(metadata["llm"].tokens)' }
`;

const LOGGED = "weir: 1\nhandlers: { console: { adapter: stdout } }\n";
const ENTRIES = `weir: 1
policy: mesh
match: everything
telemetry:
  - id: all
    to: console
    when: response.headers["x-kind"] == "a"
    with: { method: '\${request.method}' }
`;

/** Folders that make each kind of object, and each part of it, to be written. */
const FOLDERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "what one object says": { "orders.yaml": policyOf("false") },
  "headers that policies own": { "orders.yaml": policyOf("false") + OWNED },
  "all that policies read": { "orders.yaml": policyOf(EVERYTHING) + OWNED },
  "TLS, rate limits and late costs": {
    "weir.yaml": TLS,
    "orders.yaml": policyOf(EVERYTHING) + LATE,
    ...SHARED,
  },
  "rate limits alone": SHARED,
  "access logs": { "weir.yaml": LOGGED, "mesh.yaml": ENTRIES, "orders.yaml": policyOf("false") },
  "access logs with tags": {
    "weir.yaml": LOGGED,
    "mesh.yaml": ENTRIES.replace("    with:", "    preset: access-log\n    with:"),
  },
  sidecars: {
    "weir.yaml": "weir: 1\nproxy: { role: sidecar }\n",
    "orders.yaml": policyOf(EVERYTHING).replace("match:\n", "match:\n  destinations: [shop/orders]\n"),
  },
};

const foldersIn = (folder: string): readonly string[] =>
  readdirSync(join(repository, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(folder, name));

const hasFiles = (folder: string): boolean =>
  readdirSync(join(repository, folder)).some((name) => name.endsWith(".yaml"));

/** The example folder, and each recipe of the cookbook, or its steps. */
const OURS: readonly string[] = [
  "policies",
  ...foldersIn("docs/cookbook").flatMap((folder) => (hasFiles(folder) ? [folder] : foldersIn(folder))),
];

/** Objects of Istio's mesh configuration have no definition. */
const definedIn = (text: string) => objectsIn(text).filter(({ kind }) => kind !== "MeshConfig");

const targets = [
  {
    target: "istio",
    module: "istio-definitions",
    kinds: ["AuthorizationPolicy", "DestinationRule", "EnvoyFilter", "Telemetry"],
    files: ["kubernetes/customresourcedefinitions.gen.yaml"],
  },
  {
    target: "envoy-gateway",
    module: "envoy-gateway-definitions",
    kinds: ["ClientTrafficPolicy", "EnvoyPatchPolicy", "EnvoyProxy", "SecurityPolicy"],
    files: ["clienttrafficpolicies", "envoypatchpolicies", "envoyproxies", "securitypolicies"].map(
      (name) => `charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_${name}.yaml`,
    ),
  },
] as const;

for (const { target, module, kinds, files } of targets) {
  describe(`what weir envoy --for ${target} prints, by the definitions that a cluster has`, () => {
    const folderOf = ownFolder();
    let validators: ReadonlyMap<string, ValidateFunction>;
    const seen = new Set<string>();

    before(async function () {
      const folder = await needModule(this, module);
      validators = validatorsOf(files.map((file) => readFileSync(join(folder, file), "utf8")));
    });

    const faultsIn = (one: ReturnType<typeof definedIn>[number]) => {
      const validate = validators.get(`${String(one["apiVersion"])} ${one.kind}`);
      assert.ok(validate, `${String(one["apiVersion"])} has no ${one.kind}`);
      seen.add(one.kind);
      validate(one);
      return validate.errors ?? [];
    };
    const check = async (folder: string, more: readonly string[] = []): Promise<number> => {
      const { code, printed, complained } = await run(["envoy", folder, "--for", target, ...AT, ...more]);
      // What cannot be carried is refused, which other tests look at.
      if (code === 1) assert.match(complained, /cannot-be-sent/);
      else assert.equal(code, 0, complained);
      const objects = code === 1 ? [] : definedIn(printed);
      for (const one of objects) assert.deepEqual(faultsIn(one), [], one.kind);
      return objects.length;
    };

    for (const folder of OURS)
      it(`is right for ${folder}`, async () => {
        await check(join(repository, folder));
      });

    for (const [what, content] of Object.entries(FOLDERS))
      it(`is right for ${what}`, async () => assert.ok((await check(folderOf(content))) > 0));

    it("is right for access logs by way of OpenTelemetry", async () => {
      const folder = folderOf({ "weir.yaml": LOGGED, "mesh.yaml": ENTRIES });
      assert.ok((await check(folder, ["--otlp"])) > 0);
    });

    it("has objects of every kind among them", () => assert.deepEqual([...seen].sort(), kinds));

    it("would not be, with a key that nobody knows or a value of another type", async () => {
      const { printed } = await run(["envoy", folderOf(SHARED), "--for", target, ...AT]);
      const [one] = definedIn(printed);
      assert.ok(one !== undefined);
      assert.notDeepEqual(faultsIn({ ...one, spec: { ...object.parse(one["spec"]), extra: 1 } }), []);
      assert.notDeepEqual(faultsIn({ ...one, spec: "text" }), []);
    });
  });
}
