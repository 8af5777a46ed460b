//! Scene search in STAC APIs, static catalogues and item collections, and selection of the scenes that cover an area.
//!
//! ```text
//! Endpoint ── Catalog::open ──┬─ API (POST or GET, next links)
//!                             ├─ static catalogue (child and item links)
//!                             └─ ItemCollection (file, URL, standard input)
//! SearchQuery ── Catalog::search ── [Item] ── select ── [Item]
//! ```
//! Every limit of a query is checked again on the received items, so all sources return the same result.

mod advice;
mod api;
mod area;
mod auth;
mod dates;
mod document;
mod item;
mod left_out;
mod page;
mod processing;
mod query;
mod selection;
mod static_catalog;
mod table;

use minesegsat_core::job::Job;
use std::ffi::{OsStr, OsString};
use std::str::FromStr;
use std::sync::OnceLock;

pub use area::SearchArea;
pub(crate) use area::{geometry, normalise};
pub use auth::Credentials;
pub(crate) use auth::Secret;
pub use dates::DateRange;
pub use document::read_features;
pub use item::{Item, ItemCollection, item_collection};
pub(crate) use item::{ItemKey, polygons_of};
pub use left_out::LeftOut;
pub use processing::{Superseded, keep_newest_processing};
pub use query::{SearchQuery, SortKey};
pub use selection::{Preference, Selected, Selection, select};
pub use table::table;

use self::api::Api;
use self::document::{Document, ParsedItems};
use self::query::Match;
use minesegsat_core::{Error, Result};
use minesegsat_io::{Location, http};

/// The address of a catalogue, with its login and defaults.
#[derive(Debug, Clone)]
pub struct Endpoint {
    location: OsString,
    credentials: Credentials,
    headers: Vec<(&'static str, &'static str)>,
    default_collection: Option<&'static str>,
}

impl Endpoint {
    /// Short names and their addresses.
    pub const SHORT_NAMES: [(&'static str, &'static str); 3] = [
        ("earth-search", "https://earth-search.aws.element84.com/v1"),
        ("planetary-computer", "https://planetarycomputer.microsoft.com/api/stac/v1"),
        ("earthdaily", "https://api.earthdaily.com/platform/v1/stac"),
    ];

    /// The endpoint of a short name, a URL or a path, with the login from environment variables:
    ///
    /// - Any endpoint: a token in `MINESEGSAT_STAC_TOKEN`, or client credentials in `MINESEGSAT_OAUTH_TOKEN_URL`,
    ///   `MINESEGSAT_OAUTH_CLIENT_ID` and `MINESEGSAT_OAUTH_CLIENT_SECRET`.
    /// - `earthdaily`: client credentials in `EDS_AUTH_URL`, `EDS_CLIENT_ID` and `EDS_SECRET`; `EDS_API_URL` replaces
    ///   `https://api.earthdaily.com`.
    pub fn from_env(place: impl AsRef<OsStr>) -> Result<Self> {
        Self::new(place.as_ref(), &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// Like [`Endpoint::from_env`], with the given variables instead of the environment.
    pub fn new(place: &OsStr, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self> {
        let text = place.to_str();
        let plain = |location: &OsStr| Self {
            location: location.to_owned(),
            credentials: Credentials::None,
            headers: Vec::new(),
            default_collection: None,
        };
        let short = Self::SHORT_NAMES.iter().find(|(name, _)| text == Some(*name));
        let mut endpoint = plain(short.map_or(place, |(_, url)| OsStr::new(url)));
        match text.unwrap_or_default() {
            "earth-search" => endpoint.default_collection = Some("sentinel-2-c1-l2a"),
            "planetary-computer" => endpoint.default_collection = Some("sentinel-2-l2a"),
            "earthdaily" => {
                endpoint.default_collection = Some("sentinel-2-c1-l2a");
                // With this header, responses carry readable addresses of the assets.
                endpoint.headers.push(("X-Signed-Asset-Urls", "True"));
                if let Some(base) = variable("EDS_API_URL") {
                    endpoint.location = format!("{}/platform/v1/stac", base.trim_end_matches('/')).into();
                }
                endpoint.credentials = Credentials::of_earthdaily(variable)?;
            }
            _ => {}
        }
        if matches!(endpoint.credentials, Credentials::None) {
            endpoint.credentials = Credentials::of_any(variable)?;
        }
        Ok(endpoint)
    }

    /// The collection that is searched by default.
    pub fn default_collection(&self) -> Option<&'static str> {
        self.default_collection
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::from_env(text)
    }
}

/// A searchable source of STAC items.
#[derive(Debug)]
pub struct Catalog {
    name: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Api(Box<Api>),
    /// Read on the first search, then kept.
    Static(Location, Box<OnceLock<ParsedItems>>),
    Items(ParsedItems),
}

/// The result of a search.
#[derive(Debug, Clone, Default)]
pub struct SearchResults {
    /// The items, in the requested order or in the order of the catalogue.
    pub items: Vec<Item>,
    /// Whether [`SearchQuery::max_items`] ended the search before the last item.
    pub truncated: bool,
    /// Items that may match but are unusable: without a readable date or an outline, or damaged. They are logged as well.
    pub left_out: Vec<LeftOut>,
    /// How the catalogue says that its answer is not complete, if it does. It is logged as well.
    pub incomplete: Option<String>,
}

impl Catalog {
    /// Reads the first document of an endpoint and detects its kind: a STAC API, a static catalogue, an item or a
    /// collection of items. `-` is standard input.
    pub fn open(endpoint: &Endpoint) -> Result<Self> {
        if endpoint.location == "-" {
            let items = parse_stdin()?;
            return Ok(Self { name: "standard input".to_owned(), kind: Kind::Items(items) });
        }
        let location = Location::from_os(&endpoint.location)?;
        let name = location.to_string();
        let document = match &location {
            Location::Url(url) => match Api::open(url, endpoint.credentials.clone(), &endpoint.headers)? {
                (Some(api), _) => return Ok(Self { name, kind: Kind::Api(Box::new(api)) }),
                (None, document) => document,
            },
            Location::Path(path) if path.is_dir() => {
                return Err(Error::input(name, "it is a folder; give its catalog.json or collection.json".to_owned()));
            }
            _ => Document::read(&location)?,
        };
        let kind = match document.kind() {
            Some("Catalog" | "Collection") => Kind::Static(location, Box::default()),
            _ if document.members["links"].as_array().into_iter().flatten().any(|link| link["rel"] == "next") => {
                let reason = "it is one page of a search; give the address of the API".to_owned();
                return Err(Error::input(name, reason));
            }
            _ => Kind::Items(document.into_items()?),
        };
        Ok(Self { name, kind })
    }

    /// Path or URL, without its query.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is on a server whose address is public. The server's name is resolved; a server that cannot be found
    /// counts as public.
    pub fn is_public(&self) -> bool {
        http::is_public(&self.name)
    }

    /// Whether it is an API. An API may have a very large number of items.
    pub fn is_api(&self) -> bool {
        matches!(self.kind, Kind::Api(_))
    }

    /// Finds the items that match a query, each once.
    pub fn search(&self, query: &SearchQuery, job: Job<'_>) -> Result<SearchResults> {
        query.check()?;
        let results = self.search_quietly(query, job)?;
        left_out::log(&self.name, &results.left_out);
        if let Some(incomplete) = &results.incomplete {
            tracing::warn!("{}: {incomplete}", self.name);
        }
        Ok(results)
    }

    /// Like [`Catalog::search`], without messages.
    fn search_quietly(&self, query: &SearchQuery, job: Job<'_>) -> Result<SearchResults> {
        let all = match &self.kind {
            Kind::Api(api) => return api.search(query, job),
            Kind::Items(items) => items,
            Kind::Static(location, cache) => {
                if cache.get().is_none() {
                    let items = static_catalog::crawl(location, job)?;
                    cache.get_or_init(|| items);
                }
                cache.get_or_init(ParsedItems::default)
            }
        };
        let mut results = SearchResults {
            left_out: all.left_out.clone(),
            incomplete: all.incomplete.clone(),
            ..SearchResults::default()
        };
        results.take(all.items.iter().cloned(), query);
        query::keep_first_of_each(&mut results.items);
        query.sort(&mut results.items);
        let most = query.max_items.unwrap_or(usize::MAX);
        results.truncated = results.items.len() > most;
        results.items.truncate(most);
        Ok(results)
    }

    /// An error for a query without results. It names the limits to loosen and counts the items without each. Queries
    /// the catalogue again.
    pub fn nothing_found(&self, query: &SearchQuery, job: Job<'_>) -> Error {
        advice::nothing_found(self, query, job)
    }
}

impl SearchResults {
    /// Adds the items that match a query, and notes those that cannot be told.
    fn take(&mut self, items: impl Iterator<Item = Item>, query: &SearchQuery) {
        for item in items {
            match query.judge(&item) {
                Match::Yes => self.items.push(item),
                Match::No => {}
                Match::Unknown(why) => self.left_out.push(LeftOut::new(item.id(), why)),
            }
        }
    }
}

/// Reads items from standard input. Their relative addresses start at the current folder.
pub fn items_of_stdin() -> Result<Vec<Item>> {
    parse_stdin().map(|parsed| parsed.logged("standard input"))
}

fn parse_stdin() -> Result<ParsedItems> {
    let here = std::env::current_dir()?;
    let location = Location::Path(here.join("standard input"));
    let document = Document::from_reader(std::io::BufReader::new(std::io::stdin().lock()), location)
        .map_err(|error| Error::input("standard input", "it is not the JSON expected").caused_by(error))?;
    document.into_items()
}

/// Reads the items of a file or URL (an ItemCollection or one Item), or of standard input (`-`).
pub fn read_items(place: &OsStr) -> Result<Vec<Item>> {
    if place == "-" {
        return items_of_stdin();
    }
    let location = Location::from_os(place)?;
    Ok(Document::read(&location)?.into_items()?.logged(&location.to_string()))
}
