/** The catalogues from disk: the page loads them by Vite. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { speak, type Language } from "../../src/words.ts";

// tests/run.mjs starts the tests in web/.
const WORDS = path.resolve("../crates/minesegsat-page/src/words");

/** The files that the page has a part in. `report.ftl` and `alert.ftl` are the program's own. */
const FILES = ["page.ftl", "verdict.ftl"];

/** Texts of the files of a language, by their names. */
export function catalogues(language: Language): Map<string, string> {
  const folder = path.join(WORDS, language);
  return new Map(FILES.map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
}

export function speakIn(language: Language, locale: string = language): void {
  speak(language, locale, [...catalogues(language).values()], [...catalogues("en").values()]);
}
