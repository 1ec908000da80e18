/** The model port of a conversation, made when a model is first called. */
import { type Env, settingsOf } from "../../env.ts";
import type { ModelPort } from "../../model/port.ts";
import type { Workspace } from "../../tools/tool.ts";

/** A deployment without a gateway must still show its chats: only a call fails without one. */
export function lazyModelPort(env: Env, workspace: Workspace): ModelPort {
  let port: ModelPort | null = null;
  const loadFile = async (path: string): Promise<Uint8Array | null> => {
    const file = await workspace.read(path).catch(() => null);
    return file ? new Uint8Array(await new Response(file.body).arrayBuffer()) : null;
  };
  return {
    async call(request, emit, signal) {
      const settings = settingsOf(env);
      // Evaluated when first needed: most requests that start an isolate call no model.
      const { createModelPort } = await import("../../model/gateway.ts");
      port ??= createModelPort({
        binding: env.AI,
        localUrl: settings.gatewayUrl,
        gatewayId: settings.gatewayId,
        loadFile,
      });
      return port.call(request, emit, signal);
    },
  };
}
