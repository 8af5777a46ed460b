//! Words and numbers of pages in four languages.
//!
//! The catalogues lie beside this file, one folder per [`Language`], in the format of [Project Fluent](https://projectfluent.org).
//! English is complete; a word that another language lacks is said in English. A [`Locale`] adds the numbers of a region.

use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use fixed_decimal::Decimal;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use icu_decimal::options::{DecimalFormatterOptions, GroupingStrategy};
use icu_decimal::{DecimalFormatter, DecimalFormatterPreferences};
use icu_locale_core::subtags::Region;
use jiff::civil::Date;

use crate::text::NONE;

pub use fluent_bundle::FluentValue as Value;

/// A language of pages, reports and mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// French.
    French,
    /// Spanish.
    Spanish,
    /// Portuguese, as it is written in Brazil.
    Portuguese,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 4] = [Self::English, Self::French, Self::Spanish, Self::Portuguese];

    /// Its code in ISO 639-1, such as `fr`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
        }
    }

    /// The words of this language.
    pub fn words(self) -> &'static Words {
        static WORDS: LazyLock<[Words; 4]> = LazyLock::new(|| Language::ALL.map(Words::new));
        &WORDS[self as usize]
    }

    const fn catalogues(self) -> [&'static str; 4] {
        // The files of a folder.
        macro_rules! of {
            ($code:literal) => {
                [
                    include_str!(concat!("words/", $code, "/verdict.ftl")),
                    include_str!(concat!("words/", $code, "/report.ftl")),
                    include_str!(concat!("words/", $code, "/alert.ftl")),
                    include_str!(concat!("words/", $code, "/zones.ftl")),
                ]
            };
        }
        match self {
            Self::English => of!("en"),
            Self::French => of!("fr"),
            Self::Spanish => of!("es"),
            Self::Portuguese => of!("pt"),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// A language, and the region that writes its numbers: `es-PE` has a decimal point, `es-ES` a comma.
///
/// English has no region: its numbers stand beside the English sentences of the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Locale {
    language: Language,
    region: Option<Region>,
}

impl Locale {
    /// The language.
    pub const fn language(self) -> Language {
        self.language
    }

    /// The locale of a tag (BCP 47) or a POSIX locale: `fr`, `es-PE`, `fr_CA.UTF-8`. `None` for languages without words here. A
    /// region without numbers of its own writes those of the language.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let mut parts = tag.split(['.', '@']).next()?.split(['-', '_']);
        let code = parts.next()?;
        let language = Language::ALL.into_iter().find(|language| language.code().eq_ignore_ascii_case(code))?;
        // A single letter begins an extension, such as `u-nu-latn`.
        let region = parts.take_while(|part| part.len() > 1).find_map(|part| Region::try_from_str(part).ok());
        Some(Self { language, region: region.filter(|_| language != Language::English) })
    }

    /// The first language of a header `Accept-Language` (RFC 9110, 12.5.4) that is known, by weight, with the first region that the
    /// header names for it. English if no language is known.
    pub fn accepted(header: &str) -> Self {
        let weighed = |range: &str| {
            let mut parts = range.split(';').map(str::trim);
            let locale = parts.next().and_then(Self::of_tag)?;
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1.0), |q| q.parse::<f32>().ok())?;
            (weight > 0.0).then_some((weight, locale))
        };
        let mut wished: Vec<(f32, Self)> = header.split(',').filter_map(weighed).collect();
        // Equal weights keep their order.
        wished.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        let locales = || wished.iter().map(|(_, locale)| *locale);
        let Some(first) = locales().next() else { return Self::default() };
        locales().find(|locale| locale.language == first.language && locale.region.is_some()).unwrap_or(first)
    }

    /// The locale of the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set. English if it is another language.
    pub fn of_environment() -> Self {
        ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
            .and_then(|value| Self::of_tag(&value))
            .unwrap_or_default()
    }

    /// The words of the language, with the numbers of the region.
    pub fn words(self) -> Words {
        let bundle = Arc::clone(&self.language.words().bundle);
        Words { language: self.language, bundle, numbers: numbers_of(self) }
    }
}

impl From<Language> for Locale {
    fn from(language: Language) -> Self {
        Self { language, region: None }
    }
}

/// Its tag: `es`, `es-PE`.
impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.region {
            Some(region) => write!(f, "{}-{}", self.language, region.as_str()),
            None => write!(f, "{}", self.language),
        }
    }
}

impl FromStr for Locale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::of_tag(text).ok_or_else(|| {
            let known = Language::ALL.map(Language::code).join(", ");
            format!("`{text}` is not one of the languages {known}")
        })
    }
}

/// How numbers are written.
fn numbers_of(locale: Locale) -> Option<DecimalFormatter> {
    let mut options = DecimalFormatterOptions::default();
    // 1138.7, and 11,387.0: as the sentences of the register write areas of usual size.
    options.grouping_strategy = Some(GroupingStrategy::Min2);
    let tag = locale.to_string().parse::<icu_locale_core::Locale>().ok()?;
    DecimalFormatter::try_new(DecimalFormatterPreferences::from(&tag), options).ok()
}

/// The words of a language, and its way to write numbers.
pub struct Words {
    language: Language,
    bundle: Arc<FluentBundle<FluentResource>>,
    numbers: Option<DecimalFormatter>,
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Words").field("language", &self.language).finish_non_exhaustive()
    }
}

impl Words {
    fn new(language: Language) -> Self {
        let locales = language.code().parse().map(|locale| vec![locale]).unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(locales);
        // Marks of direction around each value would show as boxes in some programs.
        bundle.set_use_isolating(false);
        for text in language.catalogues() {
            // The tests read each catalogue. What can be read of a damaged one is used.
            let catalogue = FluentResource::try_new(text.to_owned()).unwrap_or_else(|(part, _)| part);
            bundle.add_resource_overriding(catalogue);
        }
        Self { language, bundle: Arc::new(bundle), numbers: numbers_of(language.into()) }
    }

    /// The language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The words of a key.
    pub fn say(&self, key: &str) -> String {
        self.say_with(key, &[])
    }

    /// The words of a key with values by name. Numbers among them choose the plural.
    pub fn say_with(&self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            // A key that English lacks is a fault of the program, which the tests find.
            return if self.language == Language::English {
                key.to_owned()
            } else {
                Language::English.words().say_with(key, values)
            };
        };
        let mut args = FluentArgs::new();
        for (name, value) in values {
            args.set(*name, value.clone());
        }
        self.bundle.format_pattern(pattern, Some(&args), &mut Vec::new()).into_owned()
    }

    /// A number with a minus sign as wide as a plus sign. A dash if it is missing or infinite.
    pub fn number(&self, value: Option<f64>, digits: u8) -> String {
        let Some(value) = value.filter(|value| value.is_finite()) else { return NONE.to_owned() };
        // Rounded as the sentences of the register are.
        let rounded = format!("{value:.*}", usize::from(digits));
        let text = rounded.parse::<Decimal>().ok().map(|mut decimal| {
            if decimal.absolute.is_zero() {
                decimal.set_sign(fixed_decimal::Sign::None);
            }
            self.numbers.as_ref().map_or_else(|| decimal.to_string(), |format| format.format(&decimal).to_string())
        });
        text.unwrap_or_else(|| crate::text::number(Some(value), usize::from(digits))).replace('-', "−")
    }

    /// A number with the decimals that somebody stated, at most four: `90`, `97.5`, `99.95`.
    pub fn stated(&self, value: f64) -> String {
        let digits = value.to_string().split_once('.').map_or(0, |(_, decimals)| decimals.len().min(4));
        self.number(Some(value), u8::try_from(digits).unwrap_or(0))
    }

    /// A level of confidence in percent, without its sign.
    pub fn level(&self, percent: f64) -> String {
        self.stated(percent)
    }

    /// An area in hectares with its unit, or a dash.
    pub fn hectares(&self, value: Option<f64>) -> String {
        match value.filter(|value| value.is_finite()) {
            None => NONE.to_owned(),
            Some(value) => format!("{}\u{a0}ha", self.number(Some(value), 1)),
        }
    }

    /// A date in a sentence: `2 juillet 2024`, in English `2024-07-01`. Tables have [`Date`] as it is.
    pub fn date(&self, date: Date) -> String {
        let year = date.year().to_string();
        let values = [("day", date.day().into()), ("month", date.month().into()), ("year", year.into())];
        match self.language {
            // The sentences of the register write dates like this.
            Language::English => date.to_string(),
            _ => self.say_with("date-written", &values),
        }
    }

    /// Degrees with the letter of their side, from the keys of the positive and the negative side: `121.5°W`.
    pub fn degrees(&self, value: f64, digits: usize, [positive, negative]: [&str; 2]) -> String {
        let side = if value > 0.0 { positive } else { negative };
        let side = if value.abs() < 1e-9 { String::new() } else { self.say(side) };
        format!("{}°{side}", self.number(Some(value.abs()), u8::try_from(digits).unwrap_or(0)))
    }

    /// A share of 0 to 1 as a percentage, or a dash.
    pub fn percent(&self, share: Option<f64>, digits: u8) -> String {
        match share.filter(|share| share.is_finite()) {
            None => NONE.to_owned(),
            Some(share) => format!("{}\u{a0}%", self.number(Some(share * 100.0), digits)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn numbers_follow_the_language() {
        let all = |value: f64| Language::ALL.map(|language| language.words().number(Some(value), 1));
        assert_eq!(all(1138.72), ["1138.7", "1138,7", "1138,7", "1138,7"]);
        assert_eq!(all(-12345.0), ["−12,345.0", "−12\u{202f}345,0", "−12.345,0", "−12.345,0"]);
        assert_eq!(all(-0.04)[0], "0.0");
        assert_eq!(Language::French.words().number(Some(f64::NAN), 1), NONE);
        assert_eq!(Language::Spanish.words().hectares(Some(7.25)), "7,2\u{a0}ha");
        assert_eq!(Language::English.words().percent(Some(0.973), 1), "97.3\u{a0}%");
    }

    #[test]
    fn degrees_have_their_side() {
        let degrees =
            |value, digits, language: Language| language.words().degrees(value, digits, ["side-east", "side-west"]);
        assert_eq!(degrees(-121.5, 1, Language::English), "121.5°W");
        assert_eq!(degrees(-48.5, 1, Language::Portuguese), "48,5°O");
        assert_eq!(degrees(48.0, 0, Language::Portuguese), "48°L");
        assert_eq!(degrees(0.0, 0, Language::English), "0°");
    }

    #[test]
    fn numbers_are_rounded_as_in_the_sentences_of_the_register() {
        for value in [7.25, 7.35, 0.35, 1234.05, -2.65] {
            let expected = format!("{value:.1}").replace('-', "−");
            assert_eq!(Language::English.words().number(Some(value), 1), expected);
        }
        assert_eq!([90.0, 97.5, 99.95].map(|level| Language::French.words().level(level)), ["90", "97,5", "99,95"]);
    }

    #[test]
    fn dates_are_written_out() {
        let all = |text: &str| Language::ALL.map(|language| language.words().date(text.parse().unwrap()));
        let july = ["2024-07-01", "1er juillet 2024", "1 de julio de 2024", "1º de julho de 2024"];
        assert_eq!(all("2024-07-01"), july);
        assert_eq!(all("2024-12-31")[1], "31 décembre 2024");
    }

    #[test]
    fn languages_and_regions_are_found_in_tags_headers_and_locales() {
        let of_tag = |tag| Locale::of_tag(tag).map(|locale| locale.to_string());
        let expected = [
            ("fr_CA.UTF-8", Some("fr-CA")),
            ("es_PE", Some("es-PE")),
            ("ES-pe", Some("es-PE")),
            ("es-Latn-419", Some("es-419")),
            ("pt-u-nu-latn", Some("pt")),
            ("fr@euro", Some("fr")),
            ("en-ZA", Some("en")),
            ("de", None),
            ("C.UTF-8", None),
        ];
        for (tag, locale) in expected {
            assert_eq!(of_tag(tag).as_deref(), locale, "{tag}");
        }
        let accepted = |header| Locale::accepted(header).to_string();
        assert_eq!(accepted("de, fr-CH;q=0.9, en;q=0.8"), "fr-CH");
        assert_eq!(accepted("en;q=0.5,pt-BR"), "pt-BR");
        assert_eq!(accepted("es, en;q=0.9, es-PE;q=0.8, es-ES;q=0.7"), "es-PE");
        assert_eq!(accepted("*"), "en");
        assert_eq!(accepted("es;q=0, x;q=nan"), "en");
        assert!("de".parse::<Locale>().unwrap_err().contains("en, fr, es, pt"));
    }

    #[test]
    fn numbers_follow_the_region() {
        let number = |tag| Locale::of_tag(tag).unwrap().words().number(Some(-12345.0), 1);
        assert_eq!(number("es-PE"), "−12,345.0");
        assert_eq!(number("es-AR"), "−12.345,0");
        assert_eq!(number("es-XX"), number("es"), "a region without numbers of its own");
        assert_eq!(number("en-ZA"), "−12,345.0");
        let words = Locale::of_tag("es_MX.UTF-8").unwrap().words();
        assert_eq!((words.language(), words.say("gain")), (Language::Spanish, "Ganancia".to_owned()));
        assert_eq!(words.percent(Some(0.973), 1), "97.3\u{a0}%");
    }

    /// Messages of a catalogue with the names of their variables.
    fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
        let mut found = BTreeMap::new();
        for text in language.catalogues() {
            let resource =
                FluentResource::try_new(text.to_owned()).unwrap_or_else(|(_, faults)| panic!("{language}: {faults:?}"));
            assert!(resource.entries().count() > 0);
            let mut key = String::new();
            for line in text.lines() {
                if let Some((name, _)) = line.split_once(" =").filter(|(name, _)| !name.starts_with([' ', '#'])) {
                    name.clone_into(&mut key);
                    assert!(found.insert(key.clone(), BTreeSet::new()).is_none(), "{language} has {key} twice");
                }
                for part in line.split("{ $").skip(1) {
                    let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap();
                    found.get_mut(&key).unwrap().insert(part[..end].to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn all_languages_say_the_same_with_the_same_values() {
        let english = messages(Language::English);
        for language in Language::ALL {
            let other = messages(language);
            for (key, values) in &english {
                assert_eq!(other.get(key), Some(values), "{language}: {key}");
            }
            assert_eq!(other.len(), english.len(), "{language} has keys that English lacks");
        }
    }
}
