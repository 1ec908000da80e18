/** Stories: what the cells cannot tell, because something happens in between. */
import { HANDLE_STORIES } from "./stories-handles.ts";
import { PEOPLE_STORIES } from "./stories-people.ts";
import { TEAM_STORIES } from "./stories-teams.ts";
import type { Story } from "./tell.ts";

export const STORIES: readonly Story[] = [...TEAM_STORIES, ...HANDLE_STORIES, ...PEOPLE_STORIES];
