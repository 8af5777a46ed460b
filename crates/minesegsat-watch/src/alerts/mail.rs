//! Alerts by mail through an SMTP server.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use minesegsat_page::words::Locale;
use serde::Deserialize;

use super::deliver::{Content, Failure, FailureKind};
use super::letter::Letter;
use super::secret::SecretPlace;
use minesegsat_io::http::HttpOptions;

/// Maximum length of a stored server reply, in characters.
const LONGEST_ANSWER: usize = 300;

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MailTls {
    /// Upgrade with STARTTLS after an unencrypted greeting. It is an error if the server does not support it.
    Starttls,
    /// TLS from the start.
    Tls,
    /// No encryption.
    None,
}

impl MailTls {
    /// The usual port.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Mail server, sender and recipients.
#[derive(Debug, Clone)]
pub(super) struct MailChannel {
    pub(super) server: String,
    pub(super) port: u16,
    pub(super) tls: MailTls,
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    /// Language of the mails, with the region whose numbers they have.
    pub(super) language: Locale,
    /// User and password.
    pub(super) login: Option<(SecretPlace, SecretPlace)>,
}

/// A mail channel with its login. It has no `Debug`, so that secrets are never printed.
pub(super) struct Mail {
    channel: MailChannel,
    transport: SmtpTransport,
    /// Secrets that are removed from the server's replies.
    hidden: Vec<String>,
}

impl MailChannel {
    /// Reads user and password, and sets up the connection.
    pub(super) fn open(&self) -> Result<Mail, String> {
        // Fails harmlessly if another part of the program has already installed a provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let timeout = HttpOptions::current().map_err(|error| error.to_string())?.timeout;
        let parameters = || {
            TlsParameters::new(self.server.clone())
                .map_err(|error| format!("cannot set up TLS for {}: {error}", self.server))
        };
        let tls = match self.tls {
            MailTls::Starttls => Tls::Required(parameters()?),
            MailTls::Tls => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
        };
        let mut transport =
            SmtpTransport::builder_dangerous(&self.server).port(self.port).tls(tls).timeout(Some(timeout));
        let mut hidden = Vec::new();
        if let Some((user, password)) = &self.login {
            let (user, password) = (user.read()?, password.read()?);
            // A server may echo a line that it did not understand.
            hidden.push(BASE64_STANDARD.encode(format!("\0{user}\0{password}")));
            hidden.extend([&password, &user].map(|text| BASE64_STANDARD.encode(text)));
            hidden.extend([password.clone(), user.clone()]);
            transport = transport.credentials(Credentials::new(user, password));
        }
        Ok(Mail { channel: self.clone(), transport: transport.build(), hidden })
    }

    /// The message. Repeats have the same `Message-ID`, so that mail programs group or drop them.
    fn message(&self, id: &str, letter: Letter, now: Timestamp) -> Result<Message, String> {
        let Letter { subject, text, html, pictures } = letter;
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .date(now.into())
            // Suppresses out-of-office replies (RFC 3834).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        for to in &self.to {
            message = message.to(to.clone());
        }
        let alternatives = MultiPart::alternative().singlepart(SinglePart::plain(text));
        let page = SinglePart::html(html);
        let body = if pictures.is_empty() {
            alternatives.singlepart(page)
        } else {
            let png = ContentType::parse("image/png").map_err(|error| error.to_string())?;
            let mut related = MultiPart::related().singlepart(page);
            for picture in pictures {
                let inline = Attachment::new_inline_with_name(picture.content_id, picture.file_name);
                related = related.singlepart(inline.body(picture.thumbnail.png, png.clone()));
            }
            alternatives.multipart(related)
        };
        message.multipart(body).map_err(|error| error.to_string())
    }
}

impl Mail {
    pub(super) fn send(&self, content: &Content<'_>, now: Timestamp) -> Result<(), Failure> {
        let words = &self.channel.language.words();
        let Content { findings, has_pictures, config, sites, .. } = *content;
        let letter = Letter::new(&content.id, findings, config, sites, has_pictures, words);
        let message = self.channel.message(&content.id, letter, now).map_err(|reason| Failure {
            kind: FailureKind::Refused,
            reason: format!("cannot build the message: {reason}"),
        })?;
        match self.transport.send(&message) {
            Ok(_) => Ok(()),
            Err(error) => {
                let kind = if error.is_permanent() { FailureKind::Refused } else { FailureKind::Passing };
                let reason = hide(&error.to_string(), &self.hidden);
                Err(Failure { kind, reason: format!("{}:{}: {reason}", self.channel.server, self.channel.port) })
            }
        }
    }
}

/// Shortens a text to one line of limited length, with secrets removed.
fn hide(text: &str, hidden: &[String]) -> String {
    let text = hidden.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[hidden]"));
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_ANSWER).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_repeats_is_hidden() {
        let hidden = ["YWJj".to_owned(), "abc".to_owned()];
        assert_eq!(
            hide("502 what is\r\nAUTH PLAIN YWJj? abc?", &hidden),
            "502 what is  AUTH PLAIN [hidden]? [hidden]?"
        );
        assert_eq!(hide(&"x".repeat(1000), &hidden).len(), LONGEST_ANSWER);
    }
}
