/** Orders, which need the server's token. */

import { told } from "../announce.ts";
import { Problem } from "../api/problem.ts";
import { token } from "../api/token.ts";
import type { Job, ServerInfo } from "../api/types.ts";
import { askForToken } from "../token_dialog.ts";
import { t } from "../words.ts";

/** What `send` answers; the token is asked for as often as the server refuses it. Who gives none gets the refusal. */
export async function withToken<T>(send: () => Promise<T>, refused: (error: Problem) => void = () => undefined): Promise<T> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      // 403 is a server that lets nobody write, whatever the token.
      if (!(error instanceof Problem && error.status === 401)) throw error;
      refused(error);
      if (!(await askForToken(told(error)))) throw error;
    }
  }
}

/** The job that `send` orders; none if nobody gives the token. */
export async function order(info: ServerInfo | null, send: () => Promise<Job>, refused?: (error: Problem) => void): Promise<Job | null> {
  if (info?.token_required_for_writing && !token() && !(await askForToken([t("token-for-jobs")]))) return null;
  return withToken(send, refused);
}
