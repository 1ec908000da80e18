export default {
  fetch(): Response {
    return new Response("ok");
  },
};
export { Conversation } from "./actors/conversation/actor.ts";
export { User } from "./actors/user/actor.ts";
