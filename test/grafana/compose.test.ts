import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { run } from "../cli/fixture.ts";
import { runCommand } from "../support/command.ts";
import { need } from "../support/need.ts";
import { runPromtool } from "../support/prometheus.ts";

const folder = join(import.meta.dirname, "../../grafana");

const read = (path: string): unknown => parse(readFileSync(join(folder, path), "utf8"), { strict: true });

const COMPOSE = z.strictObject({
  name: z.string(),
  services: z.record(
    z.string(),
    z.strictObject({
      image: z
        .string()
        .regex(/^docker\.io\/.+:v?\d+\.\d+[\w.-]*$/)
        .optional(),
      build: z.strictObject({ context: z.string(), dockerfile: z.string() }).optional(),
      command: z.array(z.string()).optional(),
      environment: z.record(z.string(), z.string()).optional(),
      volumes: z.array(z.string().regex(/^\.\/[^:]+:\/[^:]+:ro$/)).default([]),
      ports: z.array(z.string().regex(/^127\.0\.0\.1:(\d+):\1$/)).default([]),
      depends_on: z.array(z.string()).default([]),
    }),
  ),
});

const { services } = COMPOSE.parse(read("compose.yaml"));
const text = (path: string): string => readFileSync(join(folder, path), "utf8");

/** Where each service can be reached in the network of the services, by what is known of it. */
const PORTS: Readonly<Record<string, readonly number[]>> = {
  envoy: [9901, 10000],
  weir: [9191, 9194],
  redis: [6379],
  prometheus: [9090],
  zipkin: [9411],
  grafana: [3000],
};

describe("grafana/compose.yaml", () => {
  it("has policies that could go live, without a warning", async () => {
    const { code, printed } = await run(["validate", "--strict", join(folder, "compose/policies")]);
    assert.equal(code, 0, printed);
    assert.match(printed, / 0 warnings\n/);
  });

  it("has an image or a build for each service, and knows whom it depends on", () => {
    assert.deepEqual(Object.keys(services).sort(), Object.keys(PORTS).sort());
    for (const [name, { image, build, depends_on: others }] of Object.entries(services)) {
      assert.equal([image, build].filter((one) => one !== undefined).length, 1, name);
      for (const other of others) assert.ok(other in services, `${name}: ${other}`);
    }
  });

  it("mounts and builds from what is there", () => {
    for (const { volumes, build } of Object.values(services)) {
      for (const volume of volumes) assert.ok(existsSync(join(folder, volume.split(":")[0] ?? "")), volume);
      if (build === undefined) continue;
      const context = normalize(join(folder, build.context));
      const dockerfile = join(context, build.dockerfile);
      const copied = Array.from(
        readFileSync(dockerfile, "utf8").matchAll(/^COPY (.+) \S+$/gm),
        ([, from]) => from,
      );
      assert.ok(copied.length > 3);
      for (const path of copied.flatMap((from) => (from ?? "").split(" ")))
        assert.ok(existsSync(join(context, path)), path);
    }
  });

  it("publishes only ports that services listen on", () => {
    for (const [name, { ports }] of Object.entries(services))
      for (const port of ports)
        assert.ok(PORTS[name]?.includes(Number(port.split(":").at(-1))) === true, `${name}: ${port}`);
  });

  it("leads from service to service by ports that they listen on", () => {
    const files = ["compose/envoy.yaml", "compose/prometheus.yaml", "compose/policies/weir.yaml"];
    const texts = [...files, "provisioning/datasources/weir.yaml"].map(text).join("\n");
    const named = Object.keys(PORTS).join("|");
    const links = [
      ...texts.matchAll(new RegExp(`(${named}):(\\d+)`, "g")),
      ...texts.matchAll(new RegExp(`address: (${named}), port_value: (\\d+)`, "g")),
    ];
    assert.ok(links.length >= 7, String(links.length));
    for (const [link, service = "", port] of links)
      assert.ok(PORTS[service]?.includes(Number(port)) === true, link);
    const weir = text("compose/policies/weir.yaml");
    for (const port of PORTS["weir"] ?? [])
      assert.match(weir, new RegExp(`address: 0\\.0\\.0\\.0:${port}\\b`));
    for (const port of PORTS["envoy"] ?? [])
      assert.match(text("compose/envoy.yaml"), new RegExp(`0\\.0\\.0\\.0, port_value: ${port}\\b`));
  });

  it("gives Grafana the dashboards, and data sources that lead from metrics to traces", () => {
    const [dashboards] = z
      .object({ providers: z.array(z.object({ options: z.object({ path: z.string() }) })) })
      .parse(read("provisioning/dashboards/weir.yaml")).providers;
    const mounted = services["grafana"]?.volumes.map((volume) => volume.split(":")) ?? [];
    assert.ok(mounted.some(([from, to]) => from === "./dashboards" && to === dashboards?.options.path));
    const { datasources } = z
      .object({
        datasources: z.array(
          z.object({ uid: z.string(), type: z.string(), jsonData: z.unknown().optional() }),
        ),
      })
      .parse(read("provisioning/datasources/weir.yaml"));
    assert.deepEqual(
      datasources.map(({ uid, type }) => [uid, type]),
      [
        ["prometheus", "prometheus"],
        ["zipkin", "zipkin"],
      ],
    );
    assert.match(
      JSON.stringify(datasources),
      /"exemplarTraceIdDestinations":\[\{"name":"trace_id","datasourceUid":"zipkin"\}\]/,
    );
  });

  it("has rules where Prometheus looks for them, and jobs with the names that alerts know", () => {
    const { rule_files: files, scrape_configs: jobs } = z
      .object({
        rule_files: z.array(z.string()),
        scrape_configs: z.array(z.object({ job_name: z.string() })),
      })
      .parse(read("compose/prometheus.yaml"));
    for (const file of files) {
      assert.equal(dirname(file), "/etc/prometheus/rules");
      assert.ok(existsSync(join(folder, "rules", file.replace(/.*\//, ""))), file);
    }
    assert.deepEqual(
      jobs.map(({ job_name: job }) => job).filter((job) => job.startsWith("weir")),
      ["weir"],
    );
  });

  it("has a configuration that Prometheus takes", async function () {
    const prometheus = await need(this, "prometheus");
    const path = join(folder, "compose/prometheus.yaml");
    const ended = await runPromtool(prometheus, ["check", "config", "--syntax-only", path]);
    assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
  });

  it("has a configuration that Envoy takes", async function () {
    const { binary, environment } = await need(this, "envoy");
    const node = ["--service-node", "shop-gateway", "--service-cluster", "shop"];
    const config = ["--mode", "validate", "--config-path", join(folder, "compose/envoy.yaml")];
    const ended = await runCommand(binary, [...config, ...node], { environment });
    assert.equal(ended.kind, "succeeded", JSON.stringify(ended));
  });
});
