/** The clients, in a process of their own: what they see is what is measured. Driven over Node's IPC. */
import { Chat } from "./chat.ts";
import { type ClientCommand, clientCommand, type TurnTimes } from "./messages.ts";

const chats = new Map<string, Chat>();

async function opened(url: string, raw: boolean): Promise<Chat> {
  const known = chats.get(url);
  if (known) return known;
  const chat = await Chat.open(url, raw);
  chats.set(url, chat);
  return chat;
}

async function turns(
  chat: Chat,
  command: { turns: number; text: string; window: boolean },
): Promise<TurnTimes[]> {
  const times: TurnTimes[] = [];
  for (let i = 0; i < command.turns; i++) times.push(await chat.turn(command.text, command.window));
  return times;
}

async function run(
  command: ClientCommand,
): Promise<{ times: TurnTimes[]; elapsedMs: number; transcriptMs: number }> {
  if (command.type === "close") {
    for (const chat of chats.values()) chat.close();
    chats.clear();
    return { times: [], elapsedMs: 0, transcriptMs: 0 };
  }
  if (command.type === "cold") {
    const startedAt = performance.now();
    const chat = await Chat.open(command.url, command.raw);
    if (command.transcript) await chat.transcript;
    const transcriptMs = performance.now() - startedAt;
    const turn = await chat.turn(command.text, true, startedAt);
    chat.close();
    return { times: [turn], elapsedMs: performance.now() - startedAt, transcriptMs };
  }
  const open = await Promise.all(command.urls.map((url) => opened(url, command.raw)));
  const startedAt = performance.now();
  const times = await Promise.all(open.map((chat) => turns(chat, command)));
  return { times: times.flat(), elapsedMs: performance.now() - startedAt, transcriptMs: 0 };
}

process.on("message", (message) => {
  run(clientCommand.parse(message)).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.once("disconnect", () => process.exit(0));
process.send?.({ ready: true });
