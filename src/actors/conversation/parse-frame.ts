/** From a socket's message to a frame of the protocol. */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { type ClientFrame, clientFrame } from "../../protocol/frames.ts";

/** Throws `frame_invalid`, `message_too_large`. */
export function parseFrame(raw: string | ArrayBuffer | ArrayBufferView): ClientFrame {
  if (typeof raw !== "string") {
    throw new AppError("frame_invalid", "Binary frames are not understood here. Send JSON text.");
  }
  if (raw.length > limits.frameBytes) {
    throw new AppError(
      "message_too_large",
      "That frame is too large. Upload long texts as a file and refer to it.",
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(raw);
  } catch {
    throw new AppError("frame_invalid", "That frame is not JSON.");
  }
  const parsed = clientFrame.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join(".") || "type";
  throw new AppError(
    "frame_invalid",
    `That frame is not understood: ${where}: ${issue?.message ?? "unknown"}.`,
  );
}
