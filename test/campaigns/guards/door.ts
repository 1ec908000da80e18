/** Guards of the door: who is asking, and may they. */
import type { Guard } from "../guard.ts";

const access = "src/router/access.ts";
const policy = "src/router/policy.ts";

export const GUARDS: readonly Guard[] = [
  {
    name: "a token is for this audience",
    file: access,
    from: "          audience: settings.accessAudience,\n",
    to: "",
    by: "unit:router/access",
  },
  {
    name: "a token comes from this team's issuer",
    file: access,
    from: "          issuer,\n          audience",
    to: "          audience",
    by: "unit:router/access",
  },
  {
    name: "a token is signed in the one way that Access signs",
    file: access,
    from: '          algorithms: ["RS256"],\n',
    to: "",
    by: "unit:router/access",
  },
  {
    name: "a token says when it ends",
    file: access,
    from: '          requiredClaims: ["exp"],\n',
    to: "",
    by: "unit:router/access",
  },
  {
    name: "a token of the future is none",
    file: access,
    from: "if (payload.iat !== undefined && payload.iat > now / 1000 + limits.tokenSkewSeconds)",
    to: "if (false)",
    by: "unit:router/access",
  },
  {
    name: "a loopback issuer is believed on loopback only",
    file: access,
    from: "if (isLoopback(requestUrl)) return;",
    to: "return;",
    by: "unit:router/access",
  },
  {
    name: "the policy knows strangers",
    file: policy,
    from: 'resource.ownerId === null ? "deployment" : resource.ownerId === principal.userId ? "owner" : "stranger"',
    to: 'resource.ownerId === null ? "deployment" : "owner"',
    by: "unit:router/policy",
  },
  {
    name: "the policy looks at what is to be done",
    file: policy,
    from: "      rule.actions.includes(action) &&\n",
    to: "",
    by: "unit:router/policy",
  },
  {
    name: "an origin is ours, exactly",
    file: policy,
    from: "return request.origin === publicOrigin;",
    to: "return request.origin.startsWith(publicOrigin);",
    by: "unit:router/policy",
  },
  {
    name: "a browser's request says where it comes from",
    file: policy,
    from: "if (request.origin === null) return !request.hasCookie;",
    to: "if (request.origin === null) return true;",
    by: "unit:router/policy",
  },
];
