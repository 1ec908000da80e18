/**
 * A page as the Agents SDK's documents have it: stock `useAgent` and `useAgentChat`, buttons, and a list of messages.
 * Runs in the browser. It also keeps every text of the newest answer that it has ever shown, in `shown`, and every
 * list of messages that it has ever rendered, in `renders`. With `?every` no render is left out for speed.
 */
import { useAgentChat } from "@cloudflare/ai-chat/react";
import { useAgent } from "agents/react";
import { isToolUIPart } from "ai";
import { createElement, Suspense, useEffect, useState } from "react";
import { createRoot } from "react-dom/client";

/** The little of a browser that this page touches; the tests' own types are those of Node and workerd. */
interface Browser {
  location: { search: string };
  document: { getElementById(id: string): Parameters<typeof createRoot>[0] };
  /** What the page shows, for the tests to read. */
  chat: unknown;
  /** Texts of the newest answer, each time that it changed. */
  shown: string[];
  /** Every list of messages that was rendered, each time that it changed. */
  renders: { status: string; messages: unknown }[];
}
const browser = globalThis as unknown as Browser; // see above

const query = new URLSearchParams(browser.location.search);
const basePath = query.get("basePath");
const address = basePath ? { basePath } : { name: query.get("name") ?? "" };

const textOf = (parts: readonly { type: string; text?: string }[]): string =>
  parts.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("");

function Chat() {
  const agent = useAgent({ agent: "Conversation", ...address });
  const chat = useAgentChat({ agent, ...(query.has("every") && { throttle: false as const }) });
  const [draft, setDraft] = useState("");
  const { messages, status, isStreaming, isRecovering, error } = chat;

  useEffect(() => {
    browser.chat = { messages, status, isStreaming, isRecovering, error: error?.message ?? null };
    browser.renders.push({ status, messages: structuredClone(messages) });
    const newest = messages.at(-1);
    const text = newest?.role === "assistant" ? textOf(newest.parts) : "";
    if (text && browser.shown.at(-1) !== text) browser.shown.push(text);
  }, [messages, status, isStreaming, isRecovering, error]);

  const asking = messages
    .flatMap((message) => message.parts)
    .flatMap((part) => (isToolUIPart(part) && part.state === "approval-requested" ? [part.approval.id] : []));
  const decide = (approved: boolean): void => {
    const [id] = asking;
    if (id !== undefined) void chat.addToolApprovalResponse({ id, approved });
  };

  const button = (id: string, act: () => void) =>
    createElement("button", { id, type: "button", onClick: act }, id);
  return createElement(
    "main",
    null,
    createElement(
      "form",
      {
        onSubmit: (event: { preventDefault(): void }) => {
          event.preventDefault();
          void chat.sendMessage({ text: draft });
          setDraft("");
        },
      },
      createElement("input", {
        id: "draft",
        value: draft,
        onChange: (event: { target: { value: string } }) => setDraft(event.target.value),
      }),
      createElement("button", { id: "send", type: "submit" }, "send"),
    ),
    button("stop", () => void chat.stop()),
    button("regenerate", () => void chat.regenerate()),
    button("clear", () => chat.clearHistory()),
    button("approve", () => decide(true)),
    button("deny", () => decide(false)),
    createElement("output", { id: "status" }, status),
    createElement(
      "ol",
      null,
      messages.map((message) =>
        createElement("li", { key: message.id, "data-role": message.role }, textOf(message.parts)),
      ),
    ),
  );
}

browser.shown = [];
browser.renders = [];
const waiting = createElement("p", null, "loading");
createRoot(browser.document.getElementById("root")).render(
  createElement(Suspense, { fallback: waiting }, createElement(Chat)),
);
