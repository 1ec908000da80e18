/** Files from the content host of a running server: its name leads to this machine in browsers, and not in Node. */
import { type IncomingHttpHeaders, request } from "node:http";
import { text } from "node:stream/consumers";

export interface ContentAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** What a signed address answers to whoever has it. */
export async function openContent(
  address: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<ContentAnswer> {
  const url = new URL(address);
  const { promise, resolve, reject } = Promise.withResolvers<ContentAnswer>();
  const asking = request(
    {
      host: "127.0.0.1",
      port: url.port,
      method,
      path: url.pathname + url.search,
      headers: { host: url.host, ...headers },
    },
    (answer) => {
      text(answer).then(
        (body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: body }),
        reject,
      );
    },
  );
  asking.on("error", reject);
  asking.end();
  return promise;
}
