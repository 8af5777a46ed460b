/** Light or dark: as the system has it, until somebody chooses. */

import { t } from "./words.ts";

const KEY = "minesegsat-theme";
const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

export class ThemeSwitch {
  readonly #button: HTMLButtonElement;
  readonly #changed: () => void;
  #theme: Theme;

  constructor(button: HTMLButtonElement, changed: () => void) {
    this.#button = button;
    this.#changed = changed;
    this.#theme = THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? "system";
    button.addEventListener("click", () => this.#next());
    systemIsDark.addEventListener("change", () => this.#changed());
    this.#apply();
  }

  get isDark(): boolean {
    return this.#theme === "system" ? systemIsDark.matches : this.#theme === "dark";
  }

  #next(): void {
    this.#theme = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length] ?? "system";
    localStorage.setItem(KEY, this.#theme);
    this.#apply();
    this.#changed();
  }

  #apply(): void {
    document.documentElement.dataset["theme"] = this.#theme;
    const words = t(`colours-${this.#theme}`);
    this.#button.setAttribute("aria-label", words);
    this.#button.title = words;
  }
}
