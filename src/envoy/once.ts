import { hasSidecars } from "../policy/misfits.ts";
import { ONCE_HEADER } from "../policy/once-header.ts";
import type { ConfigNode } from "./config-node.ts";
import { finding, type Finding } from "./findings.ts";
import type { Needs } from "./needs.ts";

/** What gateways and sidecars have to do so that a request is charged once; nothing where none is. */
export function onceRemarks({ once, settings }: Needs): readonly string[] {
  if (once === "unused") return [];
  const { grpc } = settings.listen;
  const names =
    grpc.tls?.clientCa === undefined
      ? [
          "A sidecar is told by it only when weir knows its name: listen.grpc of weir.yaml needs tls with clientCa.",
        ]
      : [];
  return [
    `once: request is told from gateway to sidecar in ${ONCE_HEADER}, for one x-request-id: the gateway makes that (generate_request_id),`,
    "and the sidecar keeps it (preserve_external_request_id, where it has use_remote_address). Host and path stay as they are between them.",
    ...names,
  ];
}

/** Whether the id that `once: request` is bound to is made, and stays as it is. Source: Envoy, conn_manager_utility.cc. */
export function checkRequestId(manager: ConfigNode, { once, settings }: Needs): readonly Finding[] {
  if (once === "unused") return [];
  const [made, remote] = [manager.get("generate_request_id"), manager.get("use_remote_address")];
  if (made?.isTrue() === false) {
    const message = "requests without an x-request-id get none, and `once: request` charges them at each hop";
    return [finding("request-id", made.place, message, "leave it out")];
  }
  const isKept = manager.get("preserve_external_request_id")?.isTrue() === true;
  if (remote?.isTrue() !== true || isKept || !hasSidecars(settings)) return [];
  const message =
    "a sidecar with this replaces the gateway's x-request-id, and `once: request` charges at each hop";
  const hint = "preserve_external_request_id: true, or leave it out; at a gateway nothing is wrong";
  return [finding("request-id", remote.place, message, hint)];
}
