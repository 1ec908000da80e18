/**
 * The parts of an actor (`stub.team.roleOf(...)`) under the test pool. It stands between a stub and its object, and does
 * not follow a property into what is behind it: here that takes two steps instead of one. workerd itself does it in one.
 */
import { env } from "cloudflare:workers";

/** Parts of the user actor. */
const FACETS: ReadonlySet<string> = new Set(["team", "account", "log", "keys", "hooks", "vault", "shares"]);

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** Makes every stub that is made from now on find the parts. Called once, by the tests' entry. */
export function reachFacets(): void {
  const namespace: unknown = Object.getPrototypeOf(Reflect.get(env, "USER"));
  if (typeof namespace !== "object" || namespace === null) throw new Error("There is no binding USER.");
  const get: unknown = Reflect.get(namespace, "get");
  if (typeof get !== "function") throw new Error("A namespace has no get.");
  const patched = function (this: unknown, ...args: unknown[]): unknown {
    const stub: object = get.apply(this, args);
    const inner: object = get.apply(this, args);
    // Laid over the stub itself: the pool's helpers take nothing but a real one.
    for (const facet of FACETS)
      Object.defineProperty(stub, facet, { get: () => facetOf(Reflect.get(inner, facet)) });
    return stub;
  };
  Reflect.set(namespace, "get", patched);
}

const facetOf = (facet: unknown): Methods =>
  new Proxy<Methods>(
    {},
    {
      get:
        (_none, method) =>
        async (...args: unknown[]) => {
          // A part is an object of methods once it is here.
          const methods = (await facet) as Methods & Partial<Disposable>;
          try {
            return await methods[String(method)]?.(...args);
          } finally {
            // Held on to, it would keep its actor from ever being evicted.
            methods[Symbol.dispose]?.();
          }
        },
    },
  );
