/** Replies that a conversation owes to channels: what is not delivered, and what a person does with a dead letter. */
import { conversationStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import type { Delivery } from "../../protocol/rpc.ts";
import type { Call } from "../context.ts";
import { conversationOf, threadFrom } from "../pages.ts";
import { recorded } from "../recorded.ts";
import type { Gate, Route } from "../route.ts";

/** Ids are a turn's with a number behind it; anything else is no one's. */
const DELIVERY = /^[\w-]{1,80}$/;

function deliveryOf(call: Call): string {
  const id = call.c.req.param("delivery") ?? "";
  if (DELIVERY.test(id)) return id;
  throw new AppError("delivery_unknown", "There is no such delivery.");
}

/** `letters` wait for a person; `pending` are being tried, or wait for their turn. */
const list: Gate = {
  resource: "conversation",
  action: "read",
  async run(call) {
    const all: Delivery[] = await conversationStub(call.c.env, conversationOf(call)).outbox();
    return call.c.json({
      letters: all.filter((delivery) => delivery.state === "dead"),
      pending: all.filter((delivery) => delivery.state !== "dead"),
    });
  },
};

const resend: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    await recorded(call, "delivery-resend", { thread: threadFrom(call), delivery: deliveryOf(call) });
    await conversationStub(call.c.env, conversationOf(call)).resendDelivery(deliveryOf(call));
    return call.c.body(null, 202);
  },
};

const drop: Gate = {
  resource: "conversation",
  action: "write",
  async run(call) {
    await recorded(call, "delivery-drop", { thread: threadFrom(call), delivery: deliveryOf(call) });
    await conversationStub(call.c.env, conversationOf(call)).dropDelivery(deliveryOf(call));
    return call.c.body(null, 204);
  },
};

const OUTBOX = "/api/agents/:handle/threads/:thread/outbox";

export const OUTBOX_ROUTES: readonly Route[] = [
  { path: OUTBOX, of: "handle", methods: { GET: list } },
  { path: `${OUTBOX}/:delivery`, of: "handle", methods: { DELETE: drop } },
  { path: `${OUTBOX}/:delivery/resend`, of: "handle", methods: { POST: resend } },
];
