/** Words of the page in the reader's language, from Fluent catalogues in `crates/minesegsat-page/src/words`. */

import { FluentBundle, FluentResource } from "@fluent/bundle";

/** Languages that the page speaks, by their own names. */
export const LANGUAGES = { en: "English", fr: "Français", es: "Español", pt: "Português" } as const;
export type Language = keyof typeof LANGUAGES;

/** What stands in the braces of a message: a text, or a number that chooses the plural. */
export type Values = Record<string, string | number>;

let spoken: Language = "en";
let marks = "en";
/** The language's own words, then English ones for what it lacks. */
let bundles: FluentBundle[] = [];

export const language = (): Language => spoken;

/** A BCP 47 tag for numbers and sorting. */
export const locale = (): string => marks;

/** The chosen language, else the first one of the reader that the page speaks, else English. */
export function languageOf(chosen: string | null, preferred: readonly string[]): Language {
  const wished = [chosen ?? "", ...preferred].map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return wished.find((name): name is Language => Object.hasOwn(LANGUAGES, name)) ?? "en";
}

/**
 * Whose numbers are written: `es-PE` has a decimal point and `es-ES` a comma. English numbers always have a point, as they stand beside
 * English sentences of the register.
 */
export function localeOf(language: Language, preferred: readonly string[]): string {
  if (language === "en") return "en";
  return preferred.find((tag) => tag.toLowerCase().startsWith(`${language}-`)) ?? language;
}

/** From now on the page speaks `language`; each catalogue is the text of a `.ftl` file. */
export function speak(language: Language, locale: string, catalogues: readonly string[], english: readonly string[] = []): void {
  spoken = language;
  marks = locale;
  bundles = [bundle(locale, catalogues), bundle("en", english)];
}

function bundle(locale: string, catalogues: readonly string[]): FluentBundle {
  // Isolating marks are for mixed writing directions; all languages here are written from left to right.
  const bundle = new FluentBundle(locale, { useIsolating: false });
  for (const catalogue of catalogues) bundle.addResource(new FluentResource(catalogue));
  return bundle;
}

/** The message `key` in the reader's language. */
export function t(key: string, values: Values = {}): string {
  for (const bundle of bundles) {
    const pattern = bundle.getMessage(key)?.value;
    if (pattern) return bundle.formatPattern(pattern, values, []);
  }
  return key;
}
