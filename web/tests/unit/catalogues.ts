/** The catalogues from disk: the page loads them by Vite. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { speak, type Language } from "../../src/words.ts";

// tests/run.mjs starts the tests in web/.
const WORDS = path.resolve("../crates/minesegsat-page/src/words");

/** Texts of the files of a language, by their names. */
export function catalogues(language: Language): Map<string, string> {
  const folder = path.join(WORDS, language);
  return new Map(readdirSync(folder).sort().map((file) => [file, readFileSync(path.join(folder, file), "utf8")]));
}

export function speakIn(language: Language, locale: string = language): void {
  speak(language, locale, [...catalogues(language).values()], [...catalogues("en").values()]);
}
