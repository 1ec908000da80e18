/** Stands in for `turndown`, as the SDK's own Vite plugin has it: the package needs Node's `require()`. */
export default class TurndownService {
  turndown(): never {
    throw new Error("turndown is not in this bundle");
  }
}
