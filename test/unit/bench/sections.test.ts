import { describe, expect, it } from "vitest";
import { sectionIn, withSection } from "../../../bench/lib/sections.ts";

const PAGE = "# Page\n\n## First\n\none\n\n## Second\n\ntwo\n\n## Third\n\nthree\n";

describe("a section of a page", () => {
  it("is found by its heading, and ends at the next", () => {
    expect(sectionIn(PAGE, "Second")).toBe("two");
    expect(sectionIn(PAGE, "Third")).toBe("three");
    expect(sectionIn(PAGE, "Sec")).toBeNull();
    expect(sectionIn("## First\n\none\n", "First")).toBe("one");
  });

  it("takes the place of the one before it", () => {
    expect(withSection(PAGE, "Second", "new")).toBe(PAGE.replace("two", "new"));
    expect(withSection(PAGE, "Third", "new")).toBe(PAGE.replace("three", "new"));
  });

  it("comes to the end of a page that has none, and can be taken over", () => {
    const page = withSection(PAGE, "Fourth", "four");
    expect(page).toBe(`${PAGE}\n## Fourth\n\nfour\n`);
    expect(withSection(PAGE, "Fourth", sectionIn(page, "Fourth") ?? "")).toBe(page);
  });
});
