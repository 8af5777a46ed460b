/** Errors of the server as words (RFC 9457). */

import { t } from "../words.ts";

export class Problem extends Error {
  readonly status: number;
  readonly requestId: string | null;

  /** `message` is in the server's words, which are English. */
  constructor(status: number, message: string, requestId: string | null = null) {
    super(message);
    this.name = "Problem";
    this.status = status;
    this.requestId = requestId;
  }
}

const text = (value: unknown): string | null => (typeof value === "string" && value.trim() !== "" ? value : null);

/** The message of an answer's body; `status` and `title` stand in where it has none. */
export function problemOf(status: number, statusText: string, body: unknown): Problem {
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const title = text(fields["title"]) ?? text(statusText);
  const message = text(fields["detail"]) ?? title ?? t("server-status", { status: String(status) });
  return new Problem(status, message, text(fields["request_id"]));
}

/** Any failure as one sentence for the page. */
export function words(error: unknown): string {
  if (error instanceof TypeError) return t("server-unreachable");
  return capital(error instanceof Error ? error.message : String(error));
}

function capital(message: string): string {
  return message.charAt(0).toUpperCase() + message.slice(1);
}
