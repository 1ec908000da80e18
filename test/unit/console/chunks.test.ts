import { describe, expect, it } from "vitest";
import { applyChunk, type Chunk, chunkFrom, emptyAnswer } from "../../../src/console/chat/chunks.ts";
import { isAsking, type Message, messageFrom, settled, textOf } from "../../../src/console/chat/message.ts";

const fold = (chunks: Record<string, unknown>[]): Message =>
  chunks.reduce<Message>((message, chunk) => {
    const parsed = chunkFrom(JSON.stringify(chunk));
    return parsed ? applyChunk(message, parsed) : message;
  }, emptyAnswer("a1"));

describe("chunks of an answer", () => {
  it("joins text of one block, and keeps blocks of different steps apart", () => {
    const message = fold([
      { type: "start", messageId: "a1", messageMetadata: { createdAt: 5, model: "m" } },
      { type: "start-step" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "Let me " },
      { type: "text-delta", id: "1", delta: "look." },
      { type: "text-end", id: "1" },
      { type: "finish-step" },
      { type: "start-step" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "1", delta: "Found it." },
    ]);
    expect(message.parts).toMatchObject([
      { type: "text", text: "Let me look.", streaming: false },
      { type: "text", text: "Found it.", streaming: true },
    ]);
    expect(new Set(message.parts.map((part) => part.key)).size).toBe(2);
    expect(message.metadata).toEqual({ createdAt: 5, model: "m" });
    expect(textOf(message)).toBe("Let me look.\n\nFound it.");
  });

  it("tells blocks apart whose ids end alike", () => {
    const message = fold([
      { type: "text-start", id: "a:1" },
      { type: "text-start", id: "1" },
      { type: "text-delta", id: "a:1", delta: "first" },
      { type: "text-delta", id: "1", delta: "second" },
    ]);
    expect(message.parts).toMatchObject([{ text: "first" }, { text: "second" }]);
  });

  it("keeps text whose start was missed", () => {
    const message = fold([
      { type: "reasoning-delta", id: "r", delta: "Hm" },
      { type: "text-delta", id: "t", delta: "Hi" },
    ]);
    expect(message.parts).toMatchObject([
      { type: "reasoning", text: "Hm" },
      { type: "text", text: "Hi" },
    ]);
  });

  it("takes a tool from its first letter to its output", () => {
    const steps: Record<string, unknown>[] = [
      { type: "tool-input-start", toolCallId: "c", toolName: "write" },
      { type: "tool-input-delta", toolCallId: "c", inputTextDelta: '{"path":' },
      { type: "tool-input-delta", toolCallId: "c", inputTextDelta: '"a.txt"}' },
    ];
    expect(fold(steps).parts).toMatchObject([
      { name: "write", state: "writing", inputText: '{"path":"a.txt"}' },
    ]);
    steps.push({
      type: "tool-input-available",
      toolCallId: "c",
      toolName: "write",
      input: { path: "a.txt" },
    });
    expect(fold(steps).parts).toMatchObject([{ state: "running", input: { path: "a.txt" } }]);
    steps.push({
      type: "tool-output-available",
      toolCallId: "c",
      output: { progress: "1 of 2" },
      preliminary: true,
    });
    expect(fold(steps).parts).toMatchObject([{ state: "running", progress: "1 of 2", output: undefined }]);
    steps.push({ type: "tool-output-available", toolCallId: "c", output: { etag: "x" } });
    expect(fold(steps).parts).toMatchObject([{ state: "done", progress: "", output: { etag: "x" } }]);
  });

  it("shows a tool that failed, and one whose input was no good", () => {
    const message = fold([
      { type: "tool-input-available", toolCallId: "c", toolName: "read", input: { path: "x" } },
      { type: "tool-output-error", toolCallId: "c", errorText: "file_unknown: no such file" },
      { type: "tool-input-error", toolCallId: "d", toolName: "read", input: "{", errorText: "not JSON" },
    ]);
    expect(message.parts).toMatchObject([
      { key: "c", state: "failed", error: "file_unknown: no such file" },
      { key: "d", state: "failed", error: "not JSON" },
    ]);
  });

  it("takes a tool through an approval to its outcome", () => {
    const asked: Record<string, unknown>[] = [
      { type: "tool-input-available", toolCallId: "c", toolName: "write", input: { path: "x" } },
      {
        type: "tool-approval-request",
        approvalId: "c",
        toolCallId: "c",
        reason: "It overwrites.",
        approvalDescriptor: { expiresAt: 9 },
      },
    ];
    expect(fold(asked).parts).toMatchObject([{ state: "asking", reason: "It overwrites.", expiresAt: 9 }]);
    expect(isAsking(fold(asked))).toBe(true);
    const decided = (approved: boolean) =>
      fold([...asked, { type: "tool-approval-response", approvalId: "c", approved, reason: "Go on." }]);
    expect(decided(true).parts).toMatchObject([{ state: "running", reason: "Go on." }]);
    expect(decided(false).parts).toMatchObject([{ state: "denied", reason: "Go on." }]);
    expect(isAsking(decided(true))).toBe(false);
    const done = applyChunk(decided(true), { type: "tool-output-available", toolCallId: "c", output: 1 });
    expect(done.parts).toMatchObject([{ state: "done", output: 1 }]);
    expect(fold([...asked, { type: "tool-output-denied", toolCallId: "c" }]).parts).toMatchObject([
      { state: "denied" },
    ]);
  });

  it("believes no decision about a call that does not wait", () => {
    const done = [
      { type: "tool-input-available", toolCallId: "c", toolName: "read", input: {} },
      { type: "tool-output-available", toolCallId: "c", output: 1 },
    ];
    const late = { type: "tool-approval-response", approvalId: "c", approved: false };
    expect(fold([...done, late])).toEqual(fold(done));
  });

  it("marks the place at which messages were read, once", () => {
    const joined = { type: "data-joined", data: { messageIds: ["m2", "m3"] } };
    const message = fold([{ type: "text-delta", id: "1", delta: "a" }, joined, joined]);
    expect(message.parts).toMatchObject([{ type: "text" }, { type: "joined", messageIds: ["m2", "m3"] }]);
    expect(textOf(message)).toBe("a");
  });

  it("merges the metadata of the end into that of the beginning", () => {
    const message = fold([
      { type: "start", messageMetadata: { createdAt: 1, model: "m" } },
      {
        type: "finish",
        messageMetadata: { outcome: "completed", usage: { inputTokens: 3, outputTokens: 4 } },
      },
    ]);
    expect(message.metadata).toEqual({
      createdAt: 1,
      model: "m",
      outcome: "completed",
      usage: { inputTokens: 3, outputTokens: 4 },
    });
  });

  it("reads nothing from what it does not know", () => {
    for (const body of ["", "{", "null", '{"type":"data-x"}', '{"type":"text-delta","id":1,"delta":"x"}']) {
      expect(chunkFrom(body)).toBeNull();
    }
  });

  it("never changes the message that it was given", () => {
    const before = fold([{ type: "text-delta", id: "1", delta: "a" }]);
    const copy = structuredClone(before);
    const delta: Chunk = { type: "text-delta", id: "1", delta: "b" };
    applyChunk(before, delta);
    expect(before).toEqual(copy);
  });

  it("ends every part when the turn has ended", () => {
    const message = settled(
      fold([
        { type: "reasoning-delta", id: "r", delta: "x" },
        { type: "tool-input-available", toolCallId: "c", toolName: "read", input: {} },
      ]),
    );
    expect(message.parts).toMatchObject([{ streaming: false }, { state: "stopped" }]);
    expect(settled(message)).toBe(message);
  });
});

describe("messages from the wire", () => {
  it("reads every kind of part, and leaves out what nobody shows", () => {
    const message = messageFrom({
      id: "a",
      role: "assistant",
      metadata: {
        createdAt: 1,
        usage: "much",
        outcome: "lost",
        error: { code: "internal", message: "Sorry." },
      },
      parts: [
        { type: "step-start" },
        { type: "reasoning", text: "Hm", state: "done" },
        { type: "text", text: "Hello", state: "streaming" },
        {
          type: "tool-read",
          toolCallId: "c",
          state: "output-available",
          input: { path: "a" },
          output: { text: "x" },
        },
        { type: "dynamic-tool", toolName: "weather", toolCallId: "d", state: "input-available", input: {} },
        { type: "tool-write", toolCallId: "e", state: "output-error", input: {}, errorText: "no" },
        { type: "file", mediaType: "image/png", url: "workspace:a.png" },
        { type: "file", mediaType: "image/png" },
        { type: "data-secret", data: 1 },
        "nonsense",
      ],
    });
    expect(message?.parts).toMatchObject([
      { type: "reasoning", text: "Hm", streaming: false },
      { type: "text", text: "Hello", streaming: true },
      { type: "tool", name: "read", state: "done", output: { text: "x" } },
      { type: "tool", name: "weather", state: "running" },
      { type: "tool", name: "write", state: "failed", error: "no" },
      { type: "file", url: "workspace:a.png", filename: "" },
    ]);
    expect(message?.metadata).toEqual({
      createdAt: 1,
      error: { code: "internal", message: "Sorry." },
    });
  });

  it("reads approvals, refusals, joined messages and what travels beside a message", () => {
    const tool = { type: "tool-write", toolCallId: "c", input: {} };
    const message = messageFrom({
      id: "a",
      role: "assistant",
      metadata: { priceMicros: 12, waiting: "steering", joined: "t1", source: "schedule" },
      parts: [
        { ...tool, state: "approval-requested", approval: { id: "c", descriptor: { expiresAt: 5 } } },
        { ...tool, state: "approval-responded", approval: { id: "c", approved: true } },
        { ...tool, state: "approval-responded", approval: { id: "c", approved: false, reason: "No." } },
        { ...tool, state: "output-denied", approval: { id: "c", approved: false, reason: "Never." } },
        { type: "data-joined", data: { messageIds: ["m"] } },
        { type: "data-joined", data: { messageIds: "m" } },
      ],
    });
    expect(message?.parts).toMatchObject([
      { state: "asking", expiresAt: 5 },
      { state: "running" },
      { state: "denied", reason: "No." },
      { state: "denied", reason: "Never.", expiresAt: null },
      { type: "joined", messageIds: ["m"] },
    ]);
    expect(message?.metadata).toEqual({
      priceMicros: 12,
      waiting: "steering",
      joined: "t1",
      source: "schedule",
    });
    const nonsense = { id: "a", role: "user", parts: [], metadata: { waiting: "maybe", priceMicros: "1" } };
    expect(messageFrom(nonsense)?.metadata).toEqual({});
  });

  it("shows nothing as running in a turn that has ended", () => {
    const tool = { type: "tool-read", toolCallId: "c", state: "input-available", input: {} };
    const read = (metadata: unknown) =>
      messageFrom({ id: "a", role: "assistant", metadata, parts: [tool] })?.parts;
    expect(read({ outcome: "failed" })).toMatchObject([{ state: "stopped" }]);
    expect(read({})).toMatchObject([{ state: "running" }]);
  });

  it("refuses what is no message", () => {
    for (const value of [
      null,
      1,
      {},
      { id: "a", role: "robot", parts: [] },
      { id: 1, role: "user", parts: [] },
    ]) {
      expect(messageFrom(value)).toBeNull();
    }
  });
});
