/** The list of tools, and how a model is told of them. */
import { z } from "zod";
import { deleteFile } from "./delete.ts";
import { edit } from "./edit.ts";
import { list } from "./list.ts";
import { read } from "./read.ts";
import { schedule } from "./schedule.ts";
import { search } from "./search.ts";
import type { Tool } from "./tool.ts";
import { write } from "./write.ts";

// The order is what a provider's prompt cache sees: new tools go to the end.
const all: readonly Tool[] = Object.freeze([read, write, edit, list, search, deleteFile, schedule]);
const byName: ReadonlyMap<string, Tool> = new Map(all.map((tool) => [tool.name, tool]));

/** A tool as any provider can be told of it. */
export interface ToolDefinition {
  name: string;
  description: string;
  /** JSON Schema (draft 2020-12) of the input, an object without further properties. */
  inputSchema: z.core.JSONSchema.JSONSchema;
}

/** Every tool, in a stable order. */
export const tools = (): readonly Tool[] => all;

export const toolByName = (name: string): Tool | undefined => byName.get(name);

let definitions: readonly ToolDefinition[] | undefined;

/** The definitions, made once: their JSON is the same, byte for byte, in every call of every turn. */
export function toolDefinitions(): readonly ToolDefinition[] {
  definitions ??= Object.freeze(
    all.map(({ name, description, input }) => {
      const { $schema: _, ...inputSchema } = z.toJSONSchema(input, { io: "input" });
      return { name, description, inputSchema };
    }),
  );
  return definitions;
}
