import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { FluentBundle, FluentResource } from "@fluent/bundle";
import { OVERLAYS, PICTURES } from "../../src/api/types.ts";
import { change, day, degrees, hectares, interval, number, numberOf, percent, short } from "../../src/format.ts";
import { STANDINGS } from "../../src/verdict.ts";
import { ORDERS, OUTLINES } from "../../src/view/view.ts";
import { languageOf, LANGUAGES, locale, localeOf, speak, t, type Language } from "../../src/words.ts";
import { catalogues, speakIn } from "./catalogues.ts";

const ALL = Object.keys(LANGUAGES) as Language[];

/** Names of variables in a pattern of Fluent, at any depth. */
function variables(part: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(part)) for (const each of part) variables(each, found);
  else if (typeof part === "object" && part !== null) {
    const { type, name } = part as { type?: unknown; name?: unknown };
    if (type === "var") found.add(String(name));
    for (const each of Object.values(part)) variables(each, found);
  }
  return found;
}

/** Each file's messages with the names of their variables. */
function messages(language: Language): Map<string, Map<string, string[]>> {
  return new Map(
    [...catalogues(language)].map(([file, text]) => [
      file,
      new Map(new FluentResource(text).body.map(({ id, value }) => [id, [...variables(value)].sort()])),
    ]),
  );
}

const english = messages("en");
const keys = new Set([...english.values()].flatMap((file) => [...file.keys()]));

/** The page's sources, without comments. */
const sources = new Map(
  readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => [file, readFileSync(path.join("src", file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")]),
);
const page = readFileSync("index.html", "utf8");

test("every message of every catalogue can be read", () => {
  for (const language of ALL) {
    for (const [file, text] of catalogues(language)) {
      const written = text.match(/^[a-z][\w-]* =/gm)?.map((line) => line.slice(0, -2)) ?? [];
      assert.deepEqual(new FluentResource(text).body.map(({ id }) => id), written, `${language}/${file}`);
    }
    const ids = [...messages(language).values()].flatMap((file) => [...file.keys()]);
    assert.equal(new Set(ids).size, ids.length, `${language} has a message twice`);
  }
});

test("all languages have the same messages with the same variables", () => {
  for (const language of ALL) assert.deepEqual(messages(language), english, language);
});

test("messages are complete once their variables are given", () => {
  for (const language of ALL) {
    const bundle = new FluentBundle(language, { useIsolating: false });
    for (const text of catalogues(language).values()) bundle.addResource(new FluentResource(text));
    for (const file of english.values()) {
      for (const [key, names] of file) {
        const errors: Error[] = [];
        const values = Object.fromEntries(names.map((name) => [name, name === "count" ? 3 : "x"]));
        bundle.formatPattern(bundle.getMessage(key)?.value ?? "", values, errors);
        assert.deepEqual(errors, [], `${language}: ${key}`);
      }
    }
  }
});

/** Messages that the sources ask for: `t("key")`, and ``t(`verdict-${standing}`)`` as a pattern. */
function asked(): { exact: Set<string>; patterns: RegExp[] } {
  const exact = new Set<string>();
  const patterns: RegExp[] = [];
  for (const text of sources.values()) {
    for (const [, key] of text.matchAll(/\bt\("([^"]+)"/g)) exact.add(key!);
    for (const [, one, other] of text.matchAll(/\bt\(\w+ \? "([^"]+)" : "([^"]+)"/g)) exact.add(one!).add(other!);
    for (const [, parts] of text.matchAll(/\bt\(`([^`]+)`/g)) patterns.push(new RegExp(`^${parts!.replace(/\$\{[^}]+\}/g, "[\\w-]+")}$`));
  }
  for (const [, key] of page.matchAll(/data-(?:word|label)="([^"]+)"/g)) exact.add(key!);
  return { exact, patterns };
}

/** Names of messages that are kept in variables. */
const KEPT = ["before", "after", ...["west", "south", "east", "north", "from", "to", "max-cloud"].map((name) => `field-${name}`)];

test("every word that the page asks for is there, and none is there for nothing", () => {
  const { exact, patterns } = asked();
  assert.ok(exact.size > 150 && patterns.length > 10);
  for (const key of exact) assert.ok(keys.has(key), `no catalogue has \`${key}\``);
  for (const pattern of patterns) assert.ok([...keys].some((key) => pattern.test(key)), `no message matches ${pattern}`);
  const all = [...sources.values()].join("\n");
  for (const key of KEPT) assert.ok(all.includes(`"${key}"`), `\`${key}\` is kept nowhere`);
  const unused = [...keys].filter((key) => !exact.has(key) && !KEPT.includes(key) && !patterns.some((pattern) => pattern.test(key)));
  assert.deepEqual(unused, []);
});

test("everything that can be chosen has words", () => {
  const names = [
    ...STANDINGS.flatMap((name) => [`verdict-${name}`, `verdict-${name}-heading`, `verdict-${name}-meaning`]),
    ...STANDINGS.filter((name) => name !== "unseen").map((name) => `verdict-${name}-statement`),
    ...[...PICTURES, "none"].map((name) => `picture-${name}`),
    ...[...OVERLAYS, "none"].map((name) => `overlay-${name}`),
    ...OUTLINES.map((name) => `outline-${name}`),
    ...ORDERS.map((name) => `order-${name}`),
    ...["queued", "running", "done", "failed", "cancelled"].map((name) => `job-${name}`),
    ...["system", "light", "dark"].map((name) => `colours-${name}`),
    ...["area", "change", "ndvi", "bsi", "ndwi"].map((name) => `chart-${name}-legend`),
  ];
  assert.deepEqual(names.filter((name) => !keys.has(name)), []);
});

test("the page starts with the English words of the catalogue", () => {
  speakIn("en");
  const words = [...page.matchAll(/data-word="([^"]+)">([^<]+)</g)];
  const labels = [...page.matchAll(/aria-label="([^"]+)"[^>]*? data-label="([^"]+)"/g)];
  assert.ok(words.length > 6 && labels.length > 4);
  for (const [, key, text] of words) assert.equal(text, t(key!));
  for (const [, text, key] of labels) assert.equal(text, t(key!));
});

/** Lines with texts that the page does not show: messages for developers, styles, drawings. */
const NOT_READ = /throw new Error\(|console\.|import |querySelector|matchMedia|\bfont|class(Name)?: |\bd: |\.closest\(|\.locator\(|Record<string, number> = \{|addEventListener|style:/;
/** Names and the notices of the data's owners, which are the same in all languages. */
const NAMES = new Set(["GeoJSON", "GeoPackage", "Shapefile", "KML", "CSV", "XLSX", "Natural Earth", "Contains modified Copernicus Sentinel data", "AbortError", "Problem", "Escape", "Enter", "Backspace", "Arrow", "Files", "Polygon", "MultiPolygon", "LineString", "MultiLineString", "Point", "Feature", "FeatureCollection", "Map.Title", "NavigationControl.ZoomIn", "NavigationControl.ZoomOut", "AttributionControl.ToggleAttribution", "Etc/UTC", "Bearer "]);

test("no text is left in the sources", () => {
  const left: string[] = [];
  for (const [file, text] of sources) {
    // The commands of an empty register are code, the names of languages are their own.
    for (const line of text.split("\n").filter((line) => !NOT_READ.test(line) && !line.includes("minesegsat sites import") && !line.includes("LANGUAGES ="))) {
      for (const [, double, template] of line.matchAll(/"((?:[^"\\]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g)) {
        const plain = (double ?? template ?? "").replace(/\$\{[^}]*\}/g, "");
        const isText = /[A-Za-z]{2,} [a-z]{2,}/.test(plain) || /^[A-Z][a-z]+\b/.test(plain);
        if (isText && !NAMES.has(plain)) left.push(`${file}: ${plain}`);
      }
    }
  }
  assert.deepEqual(left, []);
});

test("French has no-break spaces before its marks, and numbers stay with their units", () => {
  for (const language of ALL.filter((language) => language !== "en")) {
    for (const text of catalogues(language).values()) {
      const body = text.replace(/^#.*$/gm, "");
      assert.doesNotMatch(body, /\} (ha\b|km²)/, language);
      if (language === "fr") assert.doesNotMatch(body, / [:;!?»]|« /);
    }
  }
});

test("the chosen language comes first, then the browser's, then English", () => {
  assert.equal(languageOf("pt", ["fr-CA", "en"]), "pt");
  assert.equal(languageOf(null, ["de-DE", "fr-CA", "en"]), "fr");
  assert.equal(languageOf("tlh", ["ES"]), "es");
  assert.equal(languageOf(null, ["de", "constructor"]), "en");
  assert.equal(localeOf("es", ["en-GB", "es-PE"]), "es-PE");
  assert.equal(localeOf("es", ["en-GB"]), "es");
  assert.equal(localeOf("en", ["en-ZA"]), "en");
});

test("a word that a language lacks is English", () => {
  speak("fr", "fr", ["map = Carte"], ["map = Map\nlayers = Layers"]);
  assert.deepEqual([t("map"), t("layers"), t("nowhere")], ["Carte", "Layers", "nowhere"]);
});

test("numbers have the marks of the language", () => {
  const written = (language: Language, place: string = language): string[] => {
    speakIn(language, place);
    assert.equal(locale(), place);
    const texts = [number(-12345.67, 1), hectares(1234.5), percent(0.973), short(-0.5), interval({ ha: 2, lower_ha: 1, upper_ha: 3.04 }), degrees(-76.30512)];
    // Which of the no-break spaces stands there differs between releases of Unicode's data.
    return texts.map((text) => text.replace(/[\u00a0\u202f]/g, "_"));
  };
  assert.deepEqual(written("en"), ["−12,345.7", "1234.5_ha", "97.3_%", "−0.5", "1.0 to 3.0", "−76.30512"]);
  assert.deepEqual(written("fr"), ["−12_345,7", "1234,5_ha", "97,3_%", "−0,5", "1,0 à 3,0", "−76,30512"]);
  assert.deepEqual(written("es"), ["−12.345,7", "1234,5_ha", "97,3_%", "−0,5", "1,0 a 3,0", "−76,30512"]);
  assert.deepEqual(written("es", "es-PE"), ["−12,345.7", "1234.5_ha", "97.3_%", "−0.5", "1.0 a 3.0", "−76.30512"]);
  assert.deepEqual(written("pt"), ["−12.345,7", "1234,5_ha", "97,3_%", "−0,5", "1,0 a 3,0", "−76,30512"]);
});

test("numbers are read with a point or a comma", () => {
  assert.deepEqual(["-76.3", "−76,3", " 12 ", ""].map(numberOf), [-76.3, -76.3, 12, Number.NaN]);
  assert.ok(Number.isNaN(numberOf("1,2,3")));
});

test("dates in sentences are written out, but for English", () => {
  const written = (language: Language, date: string): string => {
    speakIn(language);
    return day(date);
  };
  assert.equal(written("en", "2024-07-01"), "2024-07-01");
  assert.equal(written("fr", "2024-07-01"), "1er juillet 2024");
  assert.equal(written("fr", "2024-12-31"), "31 décembre 2024");
  assert.equal(written("es", "2024-07-01"), "1 de julio de 2024");
  assert.equal(written("pt", "2024-07-11"), "11 de julho de 2024");
});

test("plurals follow the language", () => {
  const counted = (language: Language): string[] => {
    speakIn(language);
    return [0, 1, 10_000].map((count) => t("sites-count", { count }));
  };
  assert.deepEqual(counted("en"), ["0 sites", "1 site", "10,000 sites"]);
  assert.deepEqual(counted("fr"), ["0 site", "1 site", "10\u202f000 sites"]);
  assert.deepEqual(counted("es"), ["0 sitios", "1 sitio", "10.000 sitios"]);
  assert.deepEqual(counted("pt"), ["0 local", "1 local", "10.000 locais"]);
});

test("changes below the noise floor are told in the language", () => {
  speakIn("pt");
  assert.equal(change(0, "+", 9.3, 26), "+9,3\u00a0ha vistos, abaixo do ruído de 26,0\u00a0ha");
});
