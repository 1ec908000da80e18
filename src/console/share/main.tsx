/** The entry of a shared chat's page. */
import "../app/zod.ts";
import "../styles/main.css";
import "./share.css";
import { Toasty } from "@cloudflare/kumo/components/toast";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { browserPlatform } from "../app/browser.ts";
import { PlatformProvider } from "../app/services.tsx";
import { themeControl } from "../app/theme.ts";
import { shareFeed } from "./feed.ts";
import { SharePage } from "./SharePage.tsx";

const platform = browserPlatform();
themeControl(platform.storage, document.documentElement, matchMedia("(prefers-color-scheme: dark)"));
const feed = shareFeed(platform, location.pathname, () => document.visibilityState === "visible");

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root.");
createRoot(root).render(
  <StrictMode>
    <PlatformProvider value={platform}>
      <Toasty>
        <SharePage feed={feed} />
      </Toasty>
    </PlatformProvider>
  </StrictMode>,
);
