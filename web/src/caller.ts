/** Who the caller is, as the token says, and what the role of the caller allows. */

import { api } from "./api/client.ts";
import { Problem } from "./api/problem.ts";
import { keepToken, token } from "./api/token.ts";
import type { Caller, Role } from "./api/types.ts";
import { h, literals, newId } from "./dom.ts";
import { t } from "./words.ts";

/** Each role may also do what the roles before it may. */
export const ROLES = ["read", "order", "register"] as const satisfies readonly Role[];

const UNKNOWN: Caller = { name: null, role: null };

let current = UNKNOWN;
const listeners: ((caller: Caller) => void)[] = [];

export const caller = (): Caller => current;

/** Called whenever another token is used, or none any more. */
export function onCaller(listener: (caller: Caller) => void): void {
  listeners.push(listener);
}

/** Asks the server who the caller is. A token that it refuses is forgotten; other failures leave the caller unknown. */
export async function askForCaller(): Promise<void> {
  let now = UNKNOWN;
  try {
    now = await api.me();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401 && token()) keepToken(null);
  }
  set(now);
}

/** The caller has no token any more. */
export function forgetCaller(): void {
  keepToken(null);
  set(UNKNOWN);
}

function set(now: Caller): void {
  const isOther = now.name !== current.name || now.role !== current.role;
  current = now;
  if (!isOther) return;
  showRoles(document);
  for (const listener of listeners) listener(now);
}

/** Shows what the caller's role allows; `root` may have been made before it was known. */
export function showRoles(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-needs]")) apply(element);
}

/** Whether the caller's role allows less than is needed. Without a token it is not known: one is asked for. */
function lacks(needed: Role): boolean {
  return current.role !== null && ROLES.indexOf(current.role) < ROLES.indexOf(needed);
}

/** Why the caller's role does not allow what needs another; none if it does, or if no token was given yet. */
export function lacking(needed: Role): string | null {
  return lacks(needed) && current.role ? t("role-lacking", { name: current.name ?? "", role: current.role, needed }) : null;
}

/** A button that only callers with a role can use. The others see it disabled; `roleNote` beside it says why. */
export function needing(needed: Role, button: HTMLButtonElement): HTMLButtonElement {
  button.dataset["needs"] = needed;
  apply(button);
  return button;
}

/** Says why buttons that need a role are disabled; nothing while they are not. */
export function roleNote(needed: Role): HTMLElement {
  const note = h("p", { class: "small faint role-note", id: newId("role"), "data-needs": needed });
  apply(note);
  return note;
}

function apply(element: HTMLElement): void {
  const needed = element.dataset["needs"] as Role;
  const reason = lacking(needed);
  if (element instanceof HTMLButtonElement) {
    element.disabled = reason !== null;
    return;
  }
  element.hidden = reason === null;
  element.replaceChildren(...literals(reason ?? ""));
}
