import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { ORDERS, ownFolder, run } from "./fixture.ts";

const EVERYWHERE = "weir: 1\nlisten:\n  grpc: { address: 0.0.0.0:9191, insecure: true }\n";
const SOCKET = "weir: 1\nlisten:\n  grpc: { address: unix:/run/weir.sock }\n";

describe("weir envoy", () => {
  const folderOf = ownFolder();
  const orders = { "orders.yaml": ORDERS };

  it("prints YAML for Envoy, and nothing else", async () => {
    const { code, printed, complained } = await run(["envoy", folderOf(orders), "--for", "envoy"]);
    assert.deepEqual([code, complained], [0, ""]);
    const content: unknown = parse(printed);
    assert.ok(typeof content === "object" && content !== null);
    assert.deepEqual(Object.keys(content), ["http_connection_manager", "clusters"]);
    assert.match(printed, /address: 127\.0\.0\.1\n +port_value: 9191/);
    assert.match(printed, /regex: x\[-_\]workload/);
    assert.match(printed, /include_peer_certificate: true # auth\.workload/);
    assert.doesNotMatch(printed, /with_request_body|encode_raw_headers|include_tls_session|metadata_context/);
  });

  it("reaches weir where it is told to, by name over DNS, or on its socket", async () => {
    const named = await run(["envoy", folderOf(orders), "--for", "envoy", "--at", "weir.example.com:9191"]);
    assert.match(named.printed, /type: STRICT_DNS[^]*address: weir\.example\.com/);
    const socket = await run(["envoy", folderOf({ ...orders, "weir.yaml": SOCKET }), "--for", "envoy"]);
    assert.match(socket.printed, /pipe:\n +path: \/run\/weir\.sock/);
  });

  const wrong: readonly (readonly [args: readonly string[], complaint: RegExp])[] = [
    [[], /say --for with one of envoy, istio, envoy-gateway, or --check with a file/],
    [["--for", "nginx"], /--for is one of envoy, istio, envoy-gateway, not nginx/],
    [["--for", "istio", "--http"], /--http goes with --for envoy alone/],
    [["--for", "envoy", "--check", "a.yaml"], /--check goes with no other option/],
    [["--for", "istio", "--listen", "127.0.0.1:0"], /--listen goes with --for envoy alone/],
    [["--for", "envoy", "--listen", "10000"], /--listen takes an address such as .*, not "10000"/],
    [["--listen", "127.0.0.1:0", "--check", "a.yaml"], /--check goes with no other option/],
    [["--check", ""], /--check takes the path of a file/],
    [["--for"], /argument missing/],
  ];
  for (const [args, complaint] of wrong) {
    it(`refuses: weir envoy ${args.join(" ")}`, async () => {
      const { code, printed, complained } = await run(["envoy", ...args]);
      assert.deepEqual([code, printed], [2, ""]);
      assert.match(complained, complaint);
      assert.match(complained, /See: weir help envoy\n$/);
    });
  }

  const untried: readonly (readonly [what: string, match: string, complaint: RegExp])[] = [
    ["TCP connections", "{ protocol: tcp }", /match TCP connections/],
    ["routes", "{ routes: [orders] }", /match the route orders, which only your own Envoy has/],
  ];
  for (const [what, match, complaint] of untried) {
    it(`makes no Envoy to try ${what} with`, async () => {
      const text = `weir: 1\npolicy: a\nmatch: ${match}\nrules:\n  - id: all\n    allow: true\n`;
      const args = ["envoy", folderOf({ "a.yaml": text }), "--for", "envoy", "--listen", "127.0.0.1:0"];
      const { code, printed, complained } = await run(args);
      assert.deepEqual([code, printed], [1, ""]);
      assert.match(complained, complaint);
    });
  }

  const unreachable: readonly (readonly [
    what: string,
    files: Readonly<Record<string, string>>,
    args: readonly string[],
    code: number,
    complaint: RegExp,
  ])[] = [
    [
      "every address",
      { "weir.yaml": EVERYWHERE },
      ["--for", "envoy"],
      1,
      /0\.0\.0\.0 is where weir listens.*--at weir\.example\.com:9191/,
    ],
    [
      "loopback, from a mesh",
      {},
      ["--for", "istio"],
      1,
      /name weir's Service in the cluster with --at weir\.weir\.svc\.cluster\.local:9191/,
    ],
    [
      "a socket, from a mesh",
      { "weir.yaml": SOCKET },
      ["--for", "envoy-gateway"],
      1,
      /other machines reach no unix socket/,
    ],
    [
      "what is no address",
      {},
      ["--for", "envoy", "--at", "weir"],
      2,
      /--at takes an address such as weir\.example\.com:9191, not weir/,
    ],
    [
      "a name outside the cluster, from Envoy Gateway",
      {},
      ["--for", "envoy-gateway", "--at", "weir.example.com:9191"],
      2,
      /envoy-gateway reaches weir by the name of its Service: --at weir\.weir\.svc\.cluster\.local:9191/,
    ],
    [
      "an address without a name, from Istio",
      {},
      ["--for", "istio", "--at", "10.0.0.1:9191"],
      2,
      /istio reaches weir by the name of its Service/,
    ],
    [
      "HTTP where nobody listens for it",
      {},
      ["--for", "envoy", "--http"],
      1,
      /weir\.yaml has no http listener; add listen\.http/,
    ],
    [
      "a port that the system chooses",
      { "weir.yaml": SOCKET.replace("unix:/run/weir.sock", "127.0.0.1:0") },
      ["--for", "envoy"],
      1,
      /leaves the port to the system/,
    ],
  ];
  for (const [what, files, args, expected, complaint] of unreachable) {
    it(`does not know how to reach ${what}`, async () => {
      const { code, printed, complained } = await run(["envoy", folderOf({ ...orders, ...files }), ...args]);
      assert.deepEqual([code, printed], [expected, ""]);
      assert.match(complained, complaint);
    });
  }

  it("writes nothing for files that would not go live", async () => {
    const folder = folderOf({ "orders.yaml": `${ORDERS}extra: 1\n` });
    for (const args of [
      ["--for", "envoy"],
      ["--check", "envoy.yaml"],
    ]) {
      const { code, printed, complained } = await run(["envoy", folder, ...args]);
      assert.deepEqual([code, printed], [1, ""]);
      assert.match(complained, /unknown-key [^]*\n\nthese files would not go live\n$/);
    }
  });

  it("finds nothing in what it prints, and says so", async () => {
    const folder = folderOf(orders);
    const { printed } = await run(["envoy", folder, "--for", "envoy"]);
    const manager = `"@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
  route_config: {}
`;
    const config = printed.replace("http_connection_manager:\n", `http_connection_manager:\n  ${manager}`);
    const file = join(folderOf({ "envoy.txt": config }), "envoy.txt");
    const { code, printed: said, complained } = await run(["envoy", folder, "--check", file]);
    assert.deepEqual([code, said, complained], [0, "ok: 0 errors, 0 warnings\n", ""]);
  });

  it("exits with 0 for warnings, and with 1 for an error", async () => {
    const folder = folderOf(orders);
    const { printed } = await run(["envoy", folder, "--for", "envoy"]);
    const manager = `http_connection_manager:\n  "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager\n  route_config: {}\n`;
    const config = printed.replace("http_connection_manager:\n", manager);
    const checkOf = async (text: string) =>
      run(["envoy", folder, "--check", join(folderOf({ "envoy.txt": text }), "envoy.txt")]);
    const slow = await checkOf(config.replace("0.25s", "100s"));
    assert.equal(slow.code, 0);
    assert.match(
      slow.printed,
      /envoy\.txt:\d+:\d+ {2}timeout-too-long {2}warning: [^]*\^{7}[^]*ok: 0 errors, 1 warning\n$/,
    );
    const blind = await checkOf(
      config.replace("include_peer_certificate: true", "include_peer_certificate: false"),
    );
    assert.equal(blind.code, 1);
    assert.match(
      blind.printed,
      /certificate-not-sent {2}include_peer_certificate is not set, and orders reads auth\.workload \(.*orders\.yaml:6:3\)[^]*\n1 error, 0 warnings\n$/,
    );
  });

  it("says why a file cannot be read", async () => {
    const folder = folderOf(orders);
    for (const [file, reason] of [
      ["no-such.yaml", /no-such\.yaml:1:1 {2}unreadable-config {2}there is no such file/],
      [folder, /unreadable-config {2}this is a folder/],
      [join(folder, "orders.yaml"), /unreadable-config {2}there is no HTTP connection manager/],
    ] as const) {
      const { code, printed } = await run(["envoy", folder, "--check", file]);
      assert.equal(code, 1);
      assert.match(printed, reason);
    }
  });
});
