/** The caller's access: a button in the header, and a dialog with name, role and another token. */

import { announce, told } from "./announce.ts";
import { token } from "./api/token.ts";
import { askForCaller, caller, forgetCaller, onCaller } from "./caller.ts";
import { h, literals } from "./dom.ts";
import { askForToken } from "./token_dialog.ts";
import { t } from "./words.ts";

/** Who the caller is, in few words. */
function who(): string {
  const { name, role } = caller();
  return name ?? t(role ? "access-operator-name" : "access-none-name");
}

/** Shows the button, which opens the dialog. */
export function accessButton(button: HTMLButtonElement): void {
  const say = (): void => {
    const words = t("access-of", { who: who() });
    button.setAttribute("aria-label", words);
    button.title = words;
    button.dataset["role"] = caller().role ?? "none";
  };
  onCaller(() => {
    say();
    announce(t("access-of", { who: who() }));
  });
  say();
  button.hidden = false;
  button.addEventListener("click", () => void (caller().role ? show() : useToken([t("access-none")])));
}

/** Asks for a token until the server takes it, or none is given. */
async function useToken(reason: readonly (Node | string)[]): Promise<void> {
  for (let why = reason; await askForToken(why); ) {
    try {
      await askForCaller();
      if (token()) return;
      why = [t("token-wrong")];
    } catch (error) {
      why = told(error);
    }
  }
}

/** What the caller's role allows. */
function show(): void {
  const { name, role } = caller();
  const other = h("button", { type: "submit", class: "primary", value: "other" }, t("access-other"));
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "access-heading" }, t("access-heading")),
    ...(name && role ? [h("p", {}, ...literals(t("access-user", { name, role }))), h("p", {}, t(`access-${role}`))] : [h("p", {}, t("access-operator"))]),
    h("div", { class: "buttons" }, other, h("button", { type: "submit", value: "forget" }, t("access-forget")), h("button", { type: "submit", value: "close" }, t("access-close"))),
  );
  const dialog = h("dialog", { "aria-labelledby": "access-heading" }, form);
  document.body.append(dialog);
  dialog.showModal();
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue === "other") void useToken([t("access-other")]);
    if (dialog.returnValue === "forget") forgetCaller();
  });
}
