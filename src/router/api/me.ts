/** Who am I: the account behind the sign-in, and the handle of its agent. */
import { z } from "zod";
import { isLoopback, userStub } from "../../env.ts";
import { senderOf } from "../../protocol/sender.ts";
import { readJson } from "../body.ts";
import type { Gate, Route } from "../route.ts";

const changeBody = z.strictObject({ handle: z.string() });

const me: Gate = {
  resource: "me",
  action: "read",
  async run({ c, principal, settings }) {
    const { userId, handle, name, role, kind } = principal;
    return c.json({
      user: { id: userId, handle, name, role, kind },
      // Guests have none.
      agent: role === "guest" ? null : await userStub(c.env, userId).settings(),
      deployment: isLoopback(settings.accessTeamDomain) ? "local" : "cloud",
      defaultModel: settings.defaultModel,
    });
  },
};

/** The old handle goes on leading here, and is nobody else's. */
const changeHandle: Gate = {
  resource: "me",
  action: "write",
  async run({ c, principal, catalog }) {
    const { handle } = await readJson(c.req.raw, changeBody);
    const renamed = await userStub(c.env, principal.userId).account.rename(senderOf(principal), handle);
    catalog.forget(principal.userId);
    return c.json({ handle: renamed });
  },
};

export const ME_ROUTES: readonly Route[] = [
  { path: "/api/me", of: "own", methods: { GET: me, PATCH: changeHandle } },
];
