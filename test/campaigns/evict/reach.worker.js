/** Runs in workerd, as it stands: `POST /evict?name=` and `POST /reset`. */
import unsafe from "workerd:unsafe";

export default {
  async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    try {
      if (pathname === "/reset") await unsafe.abortAllDurableObjects();
      else {
        const id = env.CONVERSATION.idFromName(searchParams.get("name"));
        await unsafe.evict(env.CONVERSATION.get(id), { webSockets: "hibernate" });
      }
      return Response.json({ done: true, why: "" });
    } catch (error) {
      return Response.json({ done: false, why: String(error) });
    }
  },
};
