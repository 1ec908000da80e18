/**
 * Reading a journal that comes from outside, as it comes: every line is checked before it counts, and a file that is
 * broken anywhere is refused as a whole. Pure.
 */
import { AppError } from "../../errors.ts";
import { limits } from "../../limits.ts";
import { GENESIS } from "../chain.ts";
import { payloadProblem } from "./entry-schema.ts";
import {
  chainBreaks,
  checkCount,
  type ExportLine,
  isTrailer,
  parseEntry,
  readHeader,
  readLine,
  readTrailer,
} from "./export.ts";
import { isStandIn, Vouchers } from "./stand-in.ts";

/** Feed it text with `push`, and say when there is no more with `end`. Both throw `bad_request` that names the line. */
export class JournalReader {
  /** The beginning of a line whose end has not come yet. */
  #rest: string[] = [];
  #restChars = 0;
  #number = 0;
  #begun = false;
  #ended = false;
  #entries = 0;
  #head = GENESIS;
  readonly #vouchers = new Vouchers();

  /** The entries that `text` completes. */
  push(text: string): ExportLine[] {
    const lines = text.split("\n");
    const rest = lines.pop() ?? "";
    const whole = lines.map((one, i) => (i === 0 ? this.#rest.join("") + one : one));
    if (whole.length > 0) this.#keep([]);
    this.#keep([...this.#rest, rest]);
    return whole.flatMap((one) => this.#line(one));
  }

  /** The rest of the file. Throws when it is not the end of a journal. */
  end(): ExportLine[] {
    const rest = this.#rest.join("");
    this.#keep([]);
    const entries = this.#line(rest);
    if (!this.#begun) throw wrong(1, "is missing: the file is empty");
    if (!this.#ended) throw wrong(this.#number, "is not the end of a journal: the file was cut off");
    const [broken] = this.#vouchers.broken();
    if (broken) {
      throw new AppError(
        "bad_request",
        `Entry ${broken.seq} was erased, and no later entry says so of what is left of it. Nothing was imported.`,
      );
    }
    return entries;
  }

  #keep(rest: string[]): void {
    this.#rest = rest;
    this.#restChars = rest.reduce((sum, part) => sum + part.length, 0);
    if (this.#restChars > limits.importLineChars) throw wrong(this.#number + 1, "is too long for an entry");
  }

  #line(text: string): ExportLine[] {
    this.#number++;
    if (text.trim() === "") return [];
    if (text.length > limits.importLineChars) throw wrong(this.#number, "is too long for an entry");
    if (this.#ended) throw wrong(this.#number, "comes behind the end of the journal");
    if (!this.#begun) {
      readHeader(text);
      this.#begun = true;
      return [];
    }
    // Asked only of what does not look like an entry: to be asked costs as much as to be read.
    if (!/^\s*\{\s*"seq"/.test(text) && isTrailer(text)) {
      checkCount(this.#entries, readTrailer(text, this.#number).entries);
      this.#ended = true;
      return [];
    }
    return [this.#entry(readLine(text, this.#number))];
  }

  #entry(line: ExportLine): ExportLine {
    this.#entries++;
    const broken = chainBreaks(line, this.#entries, this.#head)[0];
    if (broken) {
      throw wrong(
        this.#number,
        `does not fit the lines before it: ${broken.written} is written, ${broken.computed} was computed. ` +
          "The file was changed after it was exported",
      );
    }
    this.#head = line.hash;
    if ((line.salt === null) !== (line.payload === null)) throw wrong(this.#number, "has half a payload");
    const text = line.payload ?? line.left;
    if (text !== undefined) this.#checkPayload(line, text);
    if (line.payload === null && text !== undefined && !isStandIn(line.kind, line.v, text)) {
      throw wrong(this.#number, "was erased, and holds more than what an erasure leaves");
    }
    this.#vouchers.add(line, parseEntry(line));
    return line;
  }

  #checkPayload(line: ExportLine, text: string): void {
    let payload: unknown;
    try {
      payload = JSON.parse(text);
    } catch {
      throw wrong(this.#number, "holds a payload that is not JSON");
    }
    const problem = payloadProblem(line.kind, line.v, payload);
    if (problem) throw wrong(this.#number, `holds no ${line.kind} that could be read: ${problem}`);
  }
}

const wrong = (number: number, what: string): AppError =>
  new AppError("bad_request", `Line ${number} ${what}. Nothing was imported.`);
