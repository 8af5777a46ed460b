/** Changes and orders, which need a token. */

import { told } from "../announce.ts";
import { Problem } from "../api/problem.ts";
import { token } from "../api/token.ts";
import type { Job, Role, ServerInfo } from "../api/types.ts";
import { askForCaller, caller, lacking } from "../caller.ts";
import { literals } from "../dom.ts";
import { askForToken } from "../token_dialog.ts";
import { t } from "../words.ts";

/**
 * What `send` answers. A token is asked for as long as the server refuses the one that is there, also one whose role lacks `needed`.
 * Who gives none gets the refusal.
 */
export async function withToken<T>(needed: Role, send: () => Promise<T>, refused: (error: Problem) => void = () => undefined): Promise<T> {
  for (let isOther = false; ; isOther = true) {
    try {
      const answer = await send();
      // It is done, whatever the server says of the caller.
      if (isOther || (token() !== null && caller().role === null)) void askForCaller().catch(() => undefined);
      return answer;
    } catch (error) {
      if (!(error instanceof Problem && (error.status === 401 || error.status === 403))) throw error;
      if (error.status === 403) await askForCaller();
      const reason = lacking(needed);
      // Another refusal with 403 is of a server that takes no changes, whatever the token.
      if (error.status === 403 && reason === null) throw error;
      refused(error);
      if (!(await askForToken(reason === null ? told(error) : literals(reason)))) throw error;
    }
  }
}

/** The job that `send` orders. None if the user gives no token. */
export async function order(info: ServerInfo | null, send: () => Promise<Job>, refused?: (error: Problem) => void): Promise<Job | null> {
  if (info?.token_required_for_writing && !token() && !(await askForToken([t("token-for-jobs")]))) return null;
  return withToken("order", send, refused);
}
