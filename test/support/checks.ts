import grpc from "@grpc/grpc-js";

// CheckResponse: `status` is field 1 and `ok_response` field 3, both empty; then status.code 7, PERMISSION_DENIED.
export const allowed = Buffer.from([0x0a, 0, 0x1a, 0]);
export const denied = Buffer.from([0x0a, 2, 0x08, 7]);

/** What the ext_authz server answers, and the encoded requests that it was asked. */
export interface Checks {
  answer: Buffer | "fail";
  asked: Buffer[];
}

/** Starts an ext_authz server that writes down what it is asked; yields its port. */
export async function startChecks(checks: Checks, open: AsyncDisposableStack): Promise<number> {
  const bytes = (message: Buffer): Buffer => message;
  const check: grpc.MethodDefinition<Buffer, Buffer> = {
    path: "/envoy.service.auth.v3.Authorization/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  const server = new grpc.Server();
  const answer: grpc.handleUnaryCall<Buffer, Buffer> = ({ request }, callback) => {
    checks.asked.push(request);
    if (checks.answer === "fail") callback({ code: grpc.status.INTERNAL });
    else callback(null, checks.answer);
  };
  server.addService({ check }, { check: answer });
  open.defer(() => server.forceShutdown());
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) resolve(port);
      else reject(error);
    });
  });
}
