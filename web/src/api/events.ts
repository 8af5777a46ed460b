/** Server-sent events over `fetch`: `EventSource` cannot send the token. */

import { address } from "./client.ts";
import { problemOf } from "./problem.ts";
import { authorization } from "./token.ts";

export interface ServerEvent {
  event: string;
  data: string;
}

/** Cuts a stream of text into events, as the HTML standard has it (without `id` and `retry`). */
export class EventParser {
  #rest = "";
  #event = "";
  #data: string[] = [];

  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    // A lone CR at the end may be the first half of CRLF: it waits for what follows.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerEvent | null {
    if (line === "") {
      const done = this.#data.length > 0 ? { event: this.#event || "message", data: this.#data.join("\n") } : null;
      this.#event = "";
      this.#data = [];
      return done;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return null;
  }
}

/** The events of `path` until the server ends them or `signal` aborts. */
export async function* events(path: string, signal: AbortSignal): AsyncGenerator<ServerEvent> {
  const response = await fetch(address(path), { headers: { accept: "text/event-stream", ...authorization() }, signal });
  if (!response.ok || !response.body) {
    throw problemOf(response.status, response.statusText, await response.json().catch(() => null));
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const parser = new EventParser();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    yield* parser.push(value);
  }
}
