/**
 * Stands in for Cap'n Web (the alias in `wrangler.toml`): the Agents SDK imports it for upgrades that the router
 * refuses and that no socket of ours asks for.
 */
export class RpcTarget {}

export function newWebSocketRpcSession(): never {
  throw new Error("This deployment speaks no Cap'n Web.");
}
