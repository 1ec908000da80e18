/**
 * Service tokens, as Access has them: a client id and a secret that a program sends with every request, and that the
 * edge exchanges for a signed token. Secrets are kept as hashes and shown once.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { readIfThere, writeWhole } from "../lib/files.ts";

const SECRET_BYTES = 32;
const FILE_MODE = 0o600;
const NAME = /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/;

const serviceFile = z.object({
  services: z.array(
    z.object({ name: z.string(), clientId: z.string(), secretHash: z.string(), createdAt: z.number() }),
  ),
});

/** What a program sends as `CF-Access-Client-Id` and `CF-Access-Client-Secret`. */
export interface ServiceCredential {
  clientId: string;
  clientSecret: string;
}

export const isServiceName = (name: string): boolean => NAME.test(name);

const fileIn = (directory: string): string => join(directory, "services.json");

/** A new secret for a service, which is made if it does not exist; an earlier secret stops working. `now` in ms. */
export function createServiceCredential(directory: string, name: string, now: number): ServiceCredential {
  const services = read(directory).services.filter((service) => service.name !== name);
  const credential = { clientId: `${name}.access`, clientSecret: randomBytes(SECRET_BYTES).toString("hex") };
  services.push({
    name,
    clientId: credential.clientId,
    secretHash: hash(credential.clientSecret),
    createdAt: now,
  });
  writeWhole(fileIn(directory), `${JSON.stringify({ services }, null, 2)}\n`, FILE_MODE);
  return credential;
}

/** Whether a service of that name has a credential. */
export const hasService = (directory: string, name: string): boolean =>
  read(directory).services.some((service) => service.name === name);

/** The name of the service that a credential belongs to, or `null`. Reads the file, so it sees new ones at once. */
export function serviceOf(directory: string, credential: ServiceCredential): string | null {
  const given = Buffer.from(hash(credential.clientSecret));
  for (const service of read(directory).services) {
    if (service.clientId !== credential.clientId) continue;
    return timingSafeEqual(given, Buffer.from(service.secretHash)) ? service.name : null;
  }
  return null;
}

// The secret is 32 random bytes: a plain hash is enough, there is nothing to guess.
const hash = (secret: string): string => createHash("sha256").update(secret).digest("hex");

function read(directory: string): z.infer<typeof serviceFile> {
  const text = readIfThere(fileIn(directory));
  return text === null ? { services: [] } : serviceFile.parse(JSON.parse(text));
}
