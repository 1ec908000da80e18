/** Syntax highlighting. Loaded when the first code block is shown; the rest of the page does not wait for it. */
import { toJsxRuntime } from "hast-util-to-jsx-runtime";
import { common, createLowlight } from "lowlight";
import type { ReactNode } from "react";
import { Fragment, jsx, jsxs } from "react/jsx-runtime";

const lowlight = createLowlight(common);
lowlight.registerAlias({
  typescript: ["tsx", "mts", "cts"],
  javascript: ["jsx", "mjs", "cjs"],
  bash: ["console", "shell-session", "zsh"],
  json: ["jsonc", "json5"],
  xml: ["vue", "svelte"],
  ini: ["toml", "env", "dotenv"],
});

/** Code longer than this is shown plain: colouring it would hold up the page. */
export const HIGHLIGHT_CHARS = 60_000;

/** Coloured code, or `null` when the language is not known. */
export function highlighted(code: string, language: string): ReactNode | null {
  if (code.length > HIGHLIGHT_CHARS || !lowlight.registered(language)) return null;
  return toJsxRuntime(lowlight.highlight(language, code), { Fragment, jsx, jsxs });
}
