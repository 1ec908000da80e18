/** Who asks, as it is kept. */
import type { Principal, Sender } from "./rpc.ts";

export const senderOf = ({ userId, name, kind, request }: Principal): Sender => ({
  id: userId,
  name,
  ...(kind !== "person" && { kind }),
  ...(request !== "" && { request }),
});
