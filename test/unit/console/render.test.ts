import { type ComponentType, createElement, type ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";

// The types of tests know neither the DOM nor JSX, so components are imported by names that the compiler does not
// follow; what is cast here is checked by rendering it.
const component = async <P>(path: string, name: string): Promise<ComponentType<P>> => {
  const module = (await import(/* @vite-ignore */ path)) as Record<string, ComponentType<P>>;
  const found = module[name];
  if (!found) throw new Error(`${path} has no ${name}`);
  return found;
};
const root = "../../../src/console";
type Provider = ComponentType<{ value: unknown; children?: ReactNode }>;

const Markdown = await component<{ text: string; streaming?: boolean }>(
  `${root}/markdown/Markdown.tsx`,
  "Markdown",
);
const ToolCard = await component<{ part: unknown }>(`${root}/chat/ToolCard.tsx`, "ToolCard");
const Panels: Provider = await component(`${root}/app/panels.tsx`, "PanelsProvider");
const Services: Provider = await component(`${root}/app/services.tsx`, "ServicesProvider");
const Toasty = await component<{ children?: ReactNode }>("@cloudflare/kumo/components/toast", "Toasty");

const render = (node: ReactNode): string =>
  renderToStaticMarkup(
    createElement(
      Toasty,
      null,
      createElement(
        Services,
        { value: { platform: { now: () => 0, after: () => () => {} }, files: {} } },
        createElement(Panels, { value: { setFile: () => {}, setFiles: () => {} } }, node),
      ),
    ),
  );
const markdown = (text: string, streaming = false): string =>
  render(createElement(Markdown, { text, streaming }));

describe("Markdown on the page", () => {
  it("shows raw HTML as the text that it is", () => {
    const html = markdown(
      '<script>alert(1)</script>\n\n<img src=x onerror="alert(1)">\n\nHi <b onclick=x>there</b>',
    );
    expect(html).not.toMatch(/<script|<img|<b /);
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
  });

  it("makes no link that runs anything", () => {
    const html = markdown(
      "[a](javascript:alert(1)) [b](JAVASCRIPT:alert(1)) [c](data:text/html;base64,AAAA) <javascript:alert(1)> [d](vbscript:x)",
    );
    expect(html).not.toMatch(/href=/);
    expect(html).toContain("a");
  });

  it("opens other sites in a tab that knows nothing of ours", () => {
    const html = markdown("[site](https://example.com) and https://auto.example");
    const links = html.match(/<a [^>]*>/g) ?? [];
    expect(links).toHaveLength(2);
    for (const link of links) {
      expect(link).toContain('target="_blank"');
      expect(link).toMatch(/rel="[^"]*noopener/);
    }
  });

  it("never loads an image from another host", () => {
    const html = markdown("![chart](https://evil.example/t.png?leak=1) ![](//evil.example/x.png)");
    expect(html).not.toContain("<img");
    expect(html).toContain('href="https://evil.example/t.png?leak=1"');
    expect(html).toContain("Image: chart");
  });

  it("opens files of the workspace in the panel", () => {
    const html = markdown("See [the plan](notes/plan.md) and [data](workspace:data/x.csv).");
    expect(html.match(/<button type="button" class="file-link"/g)).toHaveLength(2);
    expect(html).not.toContain("href=");
  });

  it("shows code with its language, tables and task lists", () => {
    const html = markdown("```ts\nconst a = 1 < 2;\n```\n\n| a |\n|---|\n| 1 |\n\n- [x] done\n- [ ] open");
    expect(html).toContain("<span>ts</span>");
    expect(html).toContain("const a = 1 &lt; 2;");
    expect(html).toContain("<table>");
    expect(html).toContain('aria-label="Done"');
    expect(html).toContain('aria-label="To do"');
  });

  it("shows an open fence as code, and no table before it is one", () => {
    expect(markdown("Text\n\n```js\nlet x", true)).toContain("<pre");
    expect(markdown("Text\n\n| a | b |", true)).not.toContain("|");
    expect(markdown("Text\n\n| a | b |\n|-", true)).toContain("<th>a</th>");
    expect(markdown("| a | b |", false)).toContain("| a | b |");
  });
});

describe("a tool card", () => {
  const part = {
    type: "tool",
    key: "c",
    name: "write",
    inputText: "",
    input: { path: "a.txt" },
    progress: "",
    error: "",
  };

  it("says in words what happened, and opens the file", () => {
    const html = render(createElement(ToolCard, { part: { ...part, state: "done", output: {} } }));
    expect(html).toMatch(/Wrote.*<button[^>]*Open a\.txt in the files panel[^>]*>a\.txt<\/button>/);
    expect(html).toContain('aria-label="Done"');
    expect(html).toContain('aria-expanded="false"');
  });

  it("shows progress while it runs, and the reason when it failed", () => {
    const running = render(
      createElement(ToolCard, { part: { ...part, state: "running", progress: "2 of 3 KB" } }),
    );
    expect(running).toContain("2 of 3 KB");
    expect(running).toContain('aria-label="Running"');
    const failed = render(createElement(ToolCard, { part: { ...part, state: "failed", error: "No room." } }));
    expect(failed).toContain("Could not write");
    expect(failed).toContain("No room.");
  });

  it("says that an outcome is unknown when the call was cut off", () => {
    const html = render(createElement(ToolCard, { part: { ...part, state: "stopped" } }));
    expect(html).toContain("its outcome is unknown");
  });
});
