/** `/_test/...`: the script and the request log for tests in another process. Served only when asked for. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { parseJson, readBody } from "./body.ts";
import { envelope, gatewayErrors } from "./envelope.ts";
import type { Handling } from "./handle.ts";
import { scriptSchema } from "./script.ts";
import { jsonHeaders } from "./send.ts";

/** Largest script that is read. */
const SCRIPT_BYTES = 8 * 1024 * 1024;

/**
 * `POST /_test/script` adds an entry or a list of them, `DELETE` clears; `GET` says how many steps are left.
 * `GET /_test/requests` gives `{ requests }`, `DELETE` forgets them.
 */
export async function testRoutes(
  { script, log }: Pick<Handling, "script" | "log">,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const json = (status: number, body: unknown) => {
    response.writeHead(status, jsonHeaders).end(JSON.stringify(body));
  };
  switch (`${request.method} ${request.url?.split("?")[0]}`) {
    case "POST /_test/script": {
      const parsed = scriptSchema.safeParse(parseJson(String(await readBody(request, SCRIPT_BYTES))).value);
      if (!parsed.success) {
        return json(
          400,
          envelope({ status: 400, code: 400, message: `Not a script: ${parsed.error.message}` }),
        );
      }
      script.push(...parsed.data);
      return json(200, { pending: script.pending });
    }
    case "GET /_test/script":
      return json(200, { pending: script.pending });
    case "DELETE /_test/script":
      script.clear();
      return json(200, { pending: 0 });
    case "GET /_test/requests":
      return json(200, { requests: log.list() });
    case "DELETE /_test/requests":
      log.clear();
      return json(200, { requests: [] });
    default:
      return json(404, envelope(gatewayErrors.notFound));
  }
}
