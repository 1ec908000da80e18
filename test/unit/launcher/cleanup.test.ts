import { expect, it } from "vitest";
import { Cleanup } from "../../../local/lib/cleanup.ts";

it("undoes everything once, last first, even if something fails, and then says what failed", async () => {
  const done: string[] = [];
  const cleanup = new Cleanup();
  cleanup.defer(() => done.push("first"));
  cleanup.defer(async () => {
    done.push("second");
    throw new Error("second failed");
  });
  cleanup.defer(() => done.push("third"));
  await expect(Promise.all([cleanup.run(), cleanup.run()])).rejects.toThrow("second failed");
  expect(done).toEqual(["third", "second", "first"]);
});
