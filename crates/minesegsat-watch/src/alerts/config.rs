//! Configuration of alert channels: [`AlertConfig`], read from TOML.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;
use minesegsat_page::words::Locale;
use serde::Deserialize;
use url::Url;

use super::file::FileChannel;
use super::mail::{MailChannel, MailTls};
use super::secret::SecretPlace;
use super::webhook::WebhookChannel;
use super::{Finding, FindingKind};
use minesegsat_core::hint::nearest_of_message;
use minesegsat_core::{Error, Result};

/// Channels that findings are sent to.
///
/// ```toml
/// public_url = "https://mines.example.org/"   # address of the map page, for links to a site; optional
///
/// [[webhook]]
/// name = "inspectors"                # identifies the channel: a new name is a new channel
/// url = "https://example.org/hooks/mines"
/// secret_env = "MINES_WEBHOOK_SECRET"   # or secret_file; whsec_... of Standard Webhooks, several during a change of secrets
///
/// [[mail]]
/// name = "office"
/// server = "smtp.example.org"
/// port = 587                         # 587 for starttls, 465 for tls, 25 for none
/// tls = "starttls"                   # or "tls", or "none", which is the default for loopback only
/// from = "MineSegSAT <mines@example.org>"
/// to = ["office@example.org"]
/// user_env = "MINES_SMTP_USER"       # or user_file
/// password_file = "smtp-password"    # or password_env
/// language = "es"                    # en, fr, es or pt, with a region for the numbers (es-PE); default en
/// kinds = ["exceeded", "possible-exceedance", "outside-permit"]
///
/// [[file]]
/// name = "log"
/// path = "alerts.jsonl"
/// ```
///
/// Paths are relative to the folder of the file. `kinds` limits a channel to these finding kinds (names of [`FindingKind`]).
#[derive(Debug, Clone, Default)]
pub struct AlertConfig {
    /// Address of the map page.
    pub(super) public_url: Option<Url>,
    pub(super) channels: Vec<Channel>,
}

/// A channel that alerts are sent through.
#[derive(Debug, Clone)]
pub(super) struct Channel {
    pub(super) name: String,
    /// Finding kinds that it gets; `None` for all.
    pub(super) kinds: Option<Vec<FindingKind>>,
    pub(super) kind: ChannelKind,
}

#[derive(Debug, Clone)]
pub(super) enum ChannelKind {
    Webhook(WebhookChannel),
    Mail(MailChannel),
    File(FileChannel),
}

impl Channel {
    pub(super) fn wants(&self, finding: &Finding) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&finding.kind))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    public_url: Option<String>,
    #[serde(default)]
    webhook: Vec<WebhookTable>,
    #[serde(default)]
    mail: Vec<MailTable>,
    #[serde(default)]
    file: Vec<FileTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebhookTable {
    name: String,
    kinds: Option<Vec<FindingKind>>,
    url: String,
    secret_env: Option<String>,
    secret_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailTable {
    name: String,
    kinds: Option<Vec<FindingKind>>,
    server: String,
    port: Option<u16>,
    tls: Option<MailTls>,
    from: String,
    to: OneOrMore,
    language: Option<String>,
    user_env: Option<String>,
    user_file: Option<PathBuf>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTable {
    name: String,
    kinds: Option<Vec<FindingKind>>,
    path: PathBuf,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected an address, or a list of them")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl AlertConfig {
    /// Reads a configuration file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, folder).map_err(|reason| Error::input(path.display().to_string(), reason))
    }

    /// Parses TOML whose paths are relative to `folder`. The error is one line.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let tables: Tables = toml::from_str(text).map_err(|error| explain(&error, text))?;
        let public_url = tables.public_url.as_deref().map(page_address).transpose()?;
        let mut channels = Vec::new();
        for table in tables.webhook {
            let fail = in_channel("webhook", &table.name);
            let kind = table.channel(folder).map(ChannelKind::Webhook).map_err(fail)?;
            channels.push(Channel { name: table.name, kinds: table.kinds, kind });
        }
        for table in tables.mail {
            let fail = in_channel("mail", &table.name);
            let kind = table.channel(folder).map(ChannelKind::Mail).map_err(fail)?;
            channels.push(Channel { name: table.name, kinds: table.kinds, kind });
        }
        for table in tables.file {
            if table.path.as_os_str().is_empty() {
                return Err(in_channel("file", &table.name)("`path` is empty; expected a file".to_owned()));
            }
            let kind = ChannelKind::File(FileChannel { path: folder.join(table.path) });
            channels.push(Channel { name: table.name, kinds: table.kinds, kind });
        }
        let mut names = HashSet::new();
        for channel in &channels {
            let name = &channel.name;
            let fits = (1..=64).contains(&name.len())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            if !fits {
                return Err(format!(
                    "`name` is `{name}`; expected letters, digits, `-`, `_` and `.`, at least 1 and at most 64"
                ));
            }
            if !names.insert(name) {
                return Err(format!("two channels have the name `{name}`; deliveries refer to it, so expected one"));
            }
            if channel.kinds.as_ref().is_some_and(|kinds| kinds.contains(&FindingKind::Test)) {
                return Err(format!("`kinds` of `{}` has `test`, which is no finding; leave it out", channel.name));
            }
            if channel.kinds.as_ref().is_some_and(Vec::is_empty) {
                return Err(format!(
                    "`kinds` of `{name}` is empty, so this channel would get no alerts; leave it out to get all kinds"
                ));
            }
        }
        Ok(Self { public_url, channels })
    }

    /// Address of a finding's site on the map page. `None` without `public_url`, and for a test, which is about no site.
    pub(super) fn site_url(&self, finding: &Finding) -> Option<String> {
        if finding.kind == FindingKind::Test {
            return None;
        }
        let mut url = self.public_url.clone()?;
        url.set_fragment(Some(&format!("site={}", finding.site)));
        Some(url.into())
    }

    /// Names of the channels.
    pub fn channels(&self) -> impl Iterator<Item = &str> {
        self.channels.iter().map(|channel| channel.name.as_str())
    }

    /// Reads all secrets and checks their form, so that missing ones are found before anything is sent. Errors name the
    /// variable or file of a secret, but never show its value.
    pub fn check_secrets(&self) -> Result<()> {
        for channel in &self.channels {
            channel.check()?;
        }
        Ok(())
    }
}

/// Parses the address of the map page.
fn page_address(text: &str) -> Result<Url, String> {
    let wrong =
        |reason: String| format!("`public_url` {reason}; expected an address such as https://mines.example.org/");
    let url = Url::parse(text).map_err(|error| wrong(format!("is not a valid URL: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("begins with `{}:`", url.scheme())));
    }
    // Receivers of alerts see it.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user or a password in it".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has a part after `?` or `#`".to_owned()));
    }
    Ok(url)
}

fn in_channel(kind: &str, name: &str) -> impl Fn(String) -> String + use<> {
    let place = format!("[[{kind}]] `{name}`");
    move |reason| format!("{place}: {reason}")
}

impl WebhookTable {
    fn channel(&self, folder: &Path) -> Result<WebhookChannel, String> {
        // Never shown: at some services the path and query of a URL are secret.
        let url = Url::parse(&self.url).map_err(|error| format!("`url` is not a valid URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("`url` begins with `{}:`; expected http: or https:", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("`url` has a user or a password in it; the signature is what proves the sender".to_owned());
        }
        let secret = SecretPlace::of("secret", self.secret_env.clone(), self.secret_file.clone(), folder)?
            .ok_or("`secret_env` or `secret_file` is missing; messages are signed")?;
        Ok(WebhookChannel { url: PrivateUrl(url), secret })
    }
}

impl MailTable {
    fn channel(&self, folder: &Path) -> Result<MailChannel, String> {
        // `host:port`, but not an IPv6 address.
        let (server, stated) = match self.server.trim().rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
                let number = port.parse::<u16>().ok().filter(|port| *port > 0);
                let wrong = || format!("`server` is `{}`; expected a port of 1 to 65535 after `:`", self.server);
                (host.to_owned(), Some(number.ok_or_else(wrong)?))
            }
            _ => (self.server.trim().to_owned(), None),
        };
        if self.port.zip(stated).is_some_and(|(port, stated)| port != stated) {
            return Err(format!("`server` is `{}`, but `port` is another one; expected one of them", self.server));
        }
        if server.is_empty() || server.contains(['/', ' ', '@']) {
            return Err(format!("`server` is `{}`; expected the name of an SMTP server", self.server));
        }
        let server = server.trim_matches(['[', ']']).to_owned();
        let usual = match self.port.or(stated) {
            _ if is_loopback(&server) => MailTls::None,
            Some(465) => MailTls::Tls,
            _ => MailTls::Starttls,
        };
        let tls = self.tls.unwrap_or(usual);
        let mailbox = |key: &str, text: &str| -> Result<Mailbox, String> {
            text.parse().map_err(|error| format!("`{key}` has `{text}`: {error}; expected `Name <user@host>`"))
        };
        let from = mailbox("from", &self.from)?;
        let to = match &self.to {
            OneOrMore::One(one) => vec![mailbox("to", one)?],
            OneOrMore::More(more) => more.iter().map(|text| mailbox("to", text)).collect::<Result<_, _>>()?,
        };
        if to.is_empty() {
            return Err("`to` is empty; expected an address".to_owned());
        }
        let language = self.language.as_deref().map(str::parse::<Locale>).transpose();
        let language = language.map_err(|reason| format!("`language`: {reason}"))?.unwrap_or_default();
        let user = SecretPlace::of("user", self.user_env.clone(), self.user_file.clone(), folder)?;
        let password = SecretPlace::of("password", self.password_env.clone(), self.password_file.clone(), folder)?;
        let login = match (user, password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            (Some(_), None) => return Err("there is a user and no password; expected both or neither".to_owned()),
            (None, Some(_)) => return Err("there is a password and no user; expected both or neither".to_owned()),
        };
        let port = self.port.or(stated).unwrap_or(tls.port());
        Ok(MailChannel { server, port, tls, from, to, language, login })
    }
}

fn is_loopback(server: &str) -> bool {
    server.eq_ignore_ascii_case("localhost")
        || server.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A URL that is displayed only up to its host.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct PrivateUrl(Url);

impl PrivateUrl {
    /// The full URL, for sending.
    pub(super) fn reveal(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for PrivateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for PrivateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateUrl({self})")
    }
}

/// Describes a TOML error on one line, and suggests the nearest known key for an unknown one. The text itself is not shown,
/// because it may contain a secret.
fn explain(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .map_or(0, |span| 1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|&&b| b == b'\n').count());
    let message = error.message().replace('\n', "; ");
    let place = if line == 0 { String::new() } else { format!("line {line}: ") };
    format!("{place}{message}{}", nearest_of_message(&message))
}
