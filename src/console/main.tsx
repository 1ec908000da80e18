/** The console's entry: the browser's platform, the theme, the page. */
import "./app/zod.ts";
import "./styles/main.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app/App.tsx";
import { browserPlatform } from "./app/browser.ts";
import { themeControl } from "./app/theme.ts";

const platform = browserPlatform();
const theme = themeControl(
  platform.storage,
  document.documentElement,
  matchMedia("(prefers-color-scheme: dark)"),
);

/** A second refusal this soon after a reload means that the sign-in does not help: then the page says so instead. */
const RELOAD_AGAIN_MS = 15_000;
const RELOADED_KEY = "holdfast:reloaded";

// The edge in front of us answers a reload with its sign-in page.
function signedOut(): void {
  const before = Number(platform.storage.get(RELOADED_KEY) ?? 0);
  if (platform.now() - before < RELOAD_AGAIN_MS) return;
  platform.storage.set(RELOADED_KEY, String(platform.now()));
  location.reload();
}

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root.");
createRoot(root).render(
  <StrictMode>
    <App platform={platform} theme={theme} signedOut={signedOut} />
  </StrictMode>,
);
