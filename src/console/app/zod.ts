/** Zod without generated code: the page's content security policy forbids it. Imported before any schema is made. */
import { config } from "zod";

config({ jitless: true });
