import { describe, expect, it } from "vitest";
import { printable, table } from "../../../local/lib/terminal.ts";

describe("table", () => {
  it("aligns values and leaves out what is not there", () => {
    expect(
      table([
        ["address", "http://x"],
        ["data", "/d"],
        ["sandbox", undefined],
        ["model", ""],
      ]),
    ).toBe("  address  http://x\n  data     /d\n");
    expect(table([])).toBe("");
  });
});

describe("printable", () => {
  it("takes out what would move the cursor or repaint the screen, and keeps lines, tabs and letters", () => {
    expect(printable("a\u001b[2Jb\u0007\r\u009b31mc\n\td é 漢 🙂")).toBe("a[2Jb31mc\n\td é 漢 🙂");
  });
});
