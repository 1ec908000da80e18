import { beforeEach, describe, expect, it } from "vitest";
import { Api, ApiError } from "../../../src/console/app/api.ts";
import { fileStore } from "../../../src/console/files/store.ts";
import { FakePlatform } from "./fake-platform.ts";

let platform: FakePlatform;
let asked: string[];
const store = () => fileStore(new Api(platform, () => {}), "alice");

beforeEach(() => {
  platform = new FakePlatform();
  asked = [];
});

/** Answers every call the same, and keeps what was asked for. */
function answer(make: () => Response): void {
  platform.respond = (path, init) => {
    asked.push(`${init?.method ?? "GET"} ${path}`);
    return make();
  };
}

describe("the content of a file", () => {
  it("is asked for by its path, with everything in it escaped", async () => {
    const headers = { "content-type": "Text/CSV; charset=utf-8", etag: '"e1"' };
    answer(() => new Response("a,b\n", { headers }));
    const content = await store().content("trip/a & b?.csv");
    expect(asked).toEqual(["GET /api/agents/alice/files/content?path=trip%2Fa%20%26%20b%3F.csv"]);
    expect(await content.bytes.text()).toBe("a,b\n");
    expect(content).toMatchObject({ mediaType: "text/csv", etag: '"e1"', sizeBytes: 4 });
  });

  it("is that of a version when one is named", async () => {
    answer(() => new Response("old"));
    const content = await store().content("trip/plan.md", "v+1/2");
    expect(asked).toEqual(["GET /api/agents/alice/files/content?path=trip%2Fplan.md&version=v%2B1%2F2"]);
    expect(await content.bytes.text()).toBe("old");
  });

  it("fails with the server's sentence when the version is gone", async () => {
    const error = { code: "not_found", message: "That version is gone." };
    answer(() => Response.json({ error }, { status: 404 }));
    const failure = await store()
      .content("a", "v1")
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(ApiError);
    expect(failure).toMatchObject({ status: 404, code: "not_found", message: "That version is gone." });
  });
});

it("lists the versions of a file", async () => {
  const version = { id: "v1", path: "a.md", sizeBytes: 3, replacedAt: 1, reason: "overwritten" };
  answer(() => Response.json({ versions: [version] }));
  expect(await store().versions("a.md")).toEqual([version]);
  expect(asked).toEqual(["GET /api/agents/alice/files/versions?path=a.md"]);
});
