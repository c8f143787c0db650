import type { Access } from "../../src/store/redis-client.ts";
import { createAuthority } from "../support/certificates.ts";
import { PLAIN, type Guard } from "../support/redis.ts";

/** A password, and TLS with a certificate of an authority of its own that both sides show. */
export async function guardOf(): Promise<Guard & { readonly access: Access }> {
  const authority = await createAuthority();
  const { ca } = authority;
  const { certificate, key } = await authority.issue({ ips: ["127.0.0.1"], dns: ["localhost"] });
  return {
    access: { ...PLAIN, password: "of-all", tls: { ca, cert: certificate, key } },
    tls: { ca, certificate, key },
  };
}
