/** Asks for the server's token. It is kept in this tab's session storage and nowhere else. */

import { keepToken, token } from "./api/token.ts";
import { h } from "./dom.ts";
import { t } from "./words.ts";

/** The token that was given, or none if the question was closed. */
export function askForToken(reason: readonly (Node | string)[]): Promise<string | null> {
  const input = h("input", { type: "password", id: "token", name: "token", autocomplete: "off", spellcheck: "false", required: true, value: token() ?? "" });
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "token-heading" }, t("token-heading")),
    h("p", {}, ...reason),
    h("div", { class: "field" }, h("label", { for: "token" }, t("token")), input),
    h("p", { class: "small faint" }, t("token-kept")),
    h(
      "div",
      { class: "buttons" },
      h("button", { type: "submit", class: "primary", value: "keep" }, t("token-use")),
      h("button", { type: "submit", value: "cancel", formnovalidate: true }, t("cancel")),
    ),
  );
  const dialog = h("dialog", { "aria-labelledby": "token-heading" }, form);
  document.body.append(dialog);
  dialog.showModal();
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      const value = dialog.returnValue === "keep" ? input.value.trim() : "";
      if (value) keepToken(value);
      dialog.remove();
      resolve(value || null);
    });
  });
}
