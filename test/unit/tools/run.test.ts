import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { AppError } from "../../../src/errors.ts";
import { toolByName } from "../../../src/tools/registry.ts";
import { runTool } from "../../../src/tools/run.ts";
import type { Tool, ToolContext, ToolOutcome } from "../../../src/tools/tool.ts";

const noFiles = new Proxy(
  {},
  {
    get: (_, name) => {
      throw new Error(`the tool touched files.${String(name)}`);
    },
  },
);
function contextOf(signal = new AbortController().signal): ToolContext {
  return {
    call: { id: "call-1", idempotencyKey: "main:t1:call-1", userId: "u", thread: "main" },
    ports: { files: noFiles as ToolContext["ports"]["files"], now: () => 0 }, // nothing here may touch it
    signal,
    progress: () => {},
  };
}
const toolOf = (
  run: (input: unknown, context: ToolContext) => Promise<ToolOutcome>,
  more: Partial<Tool> = {},
): Tool => ({
  name: "probe",
  description: "A tool of this test.",
  input: z.unknown(),
  risk: "auto",
  replay: "safe",
  effects: "none",
  timeoutMs: 1_000,
  run,
  ...more,
});
const failure = async (tool: Tool, raw: string, context = contextOf()) => {
  const result = await runTool(tool, raw, context);
  if (!("error" in result)) throw new Error(`no error but ${JSON.stringify(result)}`);
  return result.error;
};
const named = (name: string): Tool => {
  const tool = toolByName(name);
  if (!tool) throw new Error(`no tool ${name}`);
  return tool;
};

let logged: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  logged = vi.spyOn(console, "error").mockImplementation(() => {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the model's arguments", () => {
  it.each([
    ['{"path": "a", "lines": }', /not valid JSON: Unexpected token '}', .*"lines": }"/],
    ['{"path": "a", b}', /Expected double-quoted property name.*here→ "b}"/],
    ['{"path": "a', /not valid JSON: Unterminated string.*after/],
    ["hello", /not valid JSON/],
    ["[1]", /The arguments: expected object, received array/],
    ["null", /The arguments: expected object, received null/],
    ["", /`path`: expected string, and it is missing/],
    ["{}", /`path`: expected string, and it is missing/],
    ['{"path": 7}', /`path`: expected string, received number/],
    ['{"path": "a", "from": 0}', /`from`: Too small: expected number to be >=1/],
    ['{"path": "a", "from": 1.5}', /`from`: expected int/],
    ['{"path": "a", "limit": 5, "offset": 1}', /There is no field `limit`, `offset`/],
  ])("%j is answered with what to mend", async (raw, message) => {
    const error = await failure(named("read"), raw);
    expect(error.code).toBe("tool_input_invalid");
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^The arguments of read are not /);
  });
  it("are quoted shortly, however long they are", async () => {
    const raw = `{"path": "${"x".repeat(100_000)}", oops}`;
    expect((await failure(named("read"), raw)).message.length).toBeLessThan(500);
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i])));
    expect(
      (
        await failure(
          toolOf(async () => ({ output: 1 }), { input: z.record(z.string(), z.string()) }),
          many,
        )
      ).message,
    ).toMatch(/And 495 more\.$/);
  });
  it("reach the tool as they were checked", async () => {
    const tool = toolOf(async (input) => ({ output: input }), {
      input: z.object({ n: z.number().default(3) }),
    });
    expect(await runTool(tool, " ", contextOf())).toEqual({ output: { n: 3 }, changed: [] });
  });
});

describe("what goes wrong inside", () => {
  it("passes an expected failure on, and keeps its cause in the log", async () => {
    const cause = new Error("R2 said no");
    const tool = toolOf(async () => {
      throw new AppError("storage_failed", "Nothing was changed; try again.", { cause });
    });
    expect(await failure(tool, "{}")).toEqual({
      code: "storage_failed",
      message: "Nothing was changed; try again.",
    });
    expect(logged.mock.calls.flat()).toContain(cause);
  });
  it("lets no stack, path or secret of a defect out", async () => {
    const tool = toolOf(async () => {
      throw new TypeError("cannot read token=hunter2 at /srv/app/secret.ts:1:1");
    });
    const error = await failure(tool, "{}");
    expect(error).toEqual({
      code: "tool_failed",
      message: "probe failed on our side. Try again, or go on without it.",
    });
    expect(logged).toHaveBeenCalledOnce();
  });
  it("survives a tool that throws no error at all, or throws at once", async () => {
    expect(
      (
        await failure(
          toolOf(() => Promise.reject("no")),
          "{}",
        )
      ).code,
    ).toBe("tool_failed");
    const throws = toolOf(() => {
      throw new AppError("file_unknown", "There is no file.");
    });
    expect((await failure(throws, "{}")).code).toBe("file_unknown");
  });
  it("survives a result that is no JSON", async () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(
      (
        await failure(
          toolOf(async () => ({ output: circle })),
          "{}",
        )
      ).code,
    ).toBe("tool_failed");
  });
});

describe("time", () => {
  it("ends a call that takes too long, tells the tool, and drops its late outcome", async () => {
    vi.useFakeTimers();
    const late = Promise.withResolvers<ToolOutcome>();
    let seen: AbortSignal | undefined;
    const tool = toolOf(
      (_, { signal }) => {
        seen = signal;
        return late.promise;
      },
      { timeoutMs: 5_000 },
    );
    const running = failure(tool, "{}");
    await vi.advanceTimersByTimeAsync(4_999);
    expect(seen?.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    const error = await running;
    expect(seen?.aborted).toBe(true);
    expect(error.code).toBe("tool_timeout");
    expect(error.message).toMatch(/^probe took longer than 5 s and was given up\..*check/);
    late.reject(new Error("too late to matter")); // an unhandled rejection would fail this run
    await late.promise.catch(() => {});
  });
  it("stops with the turn, and does not begin after it", async () => {
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const tool = toolOf(() => {
      begun.resolve();
      return new Promise(() => {});
    });
    const running = failure(tool, "{}", contextOf(stop.signal));
    await begun.promise;
    stop.abort();
    expect((await running).code).toBe("tool_stopped");
    const run = vi.fn();
    expect((await failure(toolOf(run), "{}", contextOf(stop.signal))).code).toBe("tool_stopped");
    expect(run).not.toHaveBeenCalled();
  });
  it("leaves no timer behind", async () => {
    vi.useFakeTimers();
    await runTool(
      toolOf(async () => ({ output: 1, changed: ["a", "a"] })),
      "{}",
      contextOf(),
    );
    expect(vi.getTimerCount()).toBe(0);
  });
});
