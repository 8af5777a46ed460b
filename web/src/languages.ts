/** Loads the catalogues of the reader's language, and lets it be changed. */

import { h } from "./dom.ts";
import { language, languageOf, LANGUAGES, localeOf, speak, t, type Language } from "./words.ts";

const KEY = "minesegsat-language";
/** In the tab's storage while the page is loaded again: the keyboard stays at the choice. */
const CHANGED = "minesegsat-language-changed";

const FILES = import.meta.glob<string>("../../crates/minesegsat-page/src/words/*/{page,verdict}.ftl", { query: "?raw", import: "default" });

/** All files of a language. */
function catalogues(of: Language): Promise<string[]> {
  const files = Object.entries(FILES).filter(([path]) => path.split("/").at(-2) === of);
  return Promise.all(files.map(([, load]) => load()));
}

/** Speaks the language that was chosen, else that of the browser, and puts its words into what is in the page from the start. */
export async function speakToReader(): Promise<void> {
  const language = languageOf(localStorage.getItem(KEY), navigator.languages);
  const [own, english] = await Promise.all([catalogues(language), language === "en" ? [] : catalogues("en")]);
  speak(language, localeOf(language, navigator.languages), own, english);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll<HTMLElement>("[data-word], [data-label]")) {
    const { word, label } = element.dataset;
    if (word) element.textContent = t(word);
    if (label) element.setAttribute("aria-label", t(label));
  }
}

/** Fills the choice of languages. `leave` is called before the page is loaded in another one. */
export function languageSwitch(select: HTMLSelectElement, leave: () => void): void {
  select.replaceChildren(...Object.entries(LANGUAGES).map(([code, name]) => h("option", { value: code, lang: code }, name)));
  select.value = language();
  const code = select.parentElement?.querySelector(".language-code");
  if (code) code.textContent = language().toUpperCase();
  select.title = t("language-reloads");
  if (sessionStorage.getItem(CHANGED)) select.focus();
  sessionStorage.removeItem(CHANGED);
  select.addEventListener("change", () => {
    localStorage.setItem(KEY, select.value);
    sessionStorage.setItem(CHANGED, "yes");
    leave();
    location.reload();
  });
}
