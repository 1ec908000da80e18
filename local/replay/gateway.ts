/** The model behind a what-if: the local gateway that is given, or one of our own for as long as it takes. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { ModelPort } from "../../src/model/port.ts";
import { startGateway } from "../gateway/index.ts";

export interface ReplayGateway {
  model: ModelPort;
  close(): Promise<void>;
}

interface GatewayModule {
  createModelPort(options: {
    binding: undefined;
    localUrl: string;
    gatewayId: string;
    loadFile(path: string): Promise<Uint8Array | null>;
  }): ModelPort;
}

/** Without a URL it starts a gateway with the providers of the data directory, if there is one. */
export async function openGateway(options: { url?: string; data: string }): Promise<ReplayGateway> {
  if (options.url !== undefined) return { model: await modelPort(options.url), close: async () => {} };
  const known = join(resolve(options.data), "gateway");
  const own = existsSync(known) ? null : mkdtempSync(join(tmpdir(), "holdfast-replay-"));
  const forget = () => {
    if (own) rmSync(own, { recursive: true, force: true });
  };
  try {
    const gateway = await startGateway({ dataDir: own ?? known, paceMs: 0 });
    return {
      model: await modelPort(gateway.url),
      async close() {
        await gateway.close();
        forget();
      },
    };
  } catch (error) {
    forget();
    throw error;
  }
}

async function modelPort(localUrl: string): Promise<ModelPort> {
  // Found at run time: the file is written against the platform's types, which a program for Node does not have.
  const source = new URL("../../src/model/gateway.ts", import.meta.url).href;
  const { createModelPort } = (await import(source)) as GatewayModule; // its own types say the same
  return createModelPort({ binding: undefined, localUrl, gatewayId: "default", loadFile: async () => null });
}
