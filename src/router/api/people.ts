/** The people of the deployment, for its administrators: who there is, which role they have, who is kept out. */
import { z } from "zod";
import { userStub } from "../../env.ts";
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { isUserId } from "../../names.ts";
import { senderOf } from "../../protocol/sender.ts";
import { PERSON_ROLES } from "../../roles.ts";
import { parsed, readJson } from "../body.ts";
import { anotherAdmin, people, personById } from "../directory.ts";
import type { Gate, Route } from "../route.ts";

const QUERY_CHARS = 200;

const listQuery = z.object({
  query: z.string().max(QUERY_CHARS).default(""),
  after: z.string().max(QUERY_CHARS).default(""),
  limit: z.coerce.number().int().min(1).max(limits.peoplePage).default(limits.peoplePage),
});
const changeBody = z.strictObject({
  /** `null`: their groups say it again. */
  role: z.enum(PERSON_ROLES).nullable().optional(),
  disabled: z.boolean().optional(),
});

const list: Gate = {
  resource: "people",
  action: "read",
  run: async ({ c }) =>
    c.json(await people(c.env.CATALOG, parsed(listQuery, c.req.query(), "The query does not fit"))),
};

/** Answers when it has taken effect: what is open of theirs is closed. */
const change: Gate = {
  resource: "people",
  action: "write",
  async run({ c, principal, catalog }) {
    const userId = c.req.param("userId") ?? "";
    const wanted = await readJson(c.req.raw, changeBody);
    const person = isUserId(userId) ? await personById(c.env.CATALOG, userId) : null;
    if (!person) throw new AppError("person_unknown", "Nobody of that id ever signed in here.");
    if (person.kind === "service" && wanted.role !== undefined) {
      throw new AppError("bad_request", "A service has no role that could be set. It can be disabled.");
    }
    const lowered =
      wanted.disabled === true ||
      (wanted.role === null ? person.role === "admin" : wanted.role !== undefined && wanted.role !== "admin");
    if (userId === principal.userId && lowered && !(await anotherAdmin(c.env.CATALOG, userId))) {
      throw new AppError(
        "last_admin",
        "You would take the administration from yourself, and nobody else has it by hand. Make somebody else an administrator first.",
      );
    }
    const { role, disabledAt } = await userStub(c.env, userId).account.change(senderOf(principal), wanted);
    catalog.forget(userId);
    return c.json({ person: { ...person, role, disabled: disabledAt !== null } });
  },
};

export const PEOPLE_ROUTES: readonly Route[] = [
  { path: "/api/people", of: "deployment", methods: { GET: list } },
  { path: "/api/people/:userId", of: "deployment", methods: { PATCH: change } },
];
