//! Webhooks: signed JSON sent by POST, as specified by Standard Webhooks 1.0.0 (<https://www.standardwebhooks.com>).

use minesegsat_core::job::Job;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use ring::hmac;

use super::Finding;
use super::config::PrivateUrl;
use super::deliver::{Failure, FailureKind};
use super::secret::SecretPlace;
use minesegsat_core::Result;
use minesegsat_io::http::{Reply, Request, post_once};

/// Key length that Standard Webhooks accepts, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A receiver of webhooks.
#[derive(Debug, Clone)]
pub(super) struct WebhookChannel {
    pub(super) url: PrivateUrl,
    pub(super) secret: SecretPlace,
}

/// A receiver with its keys. It has no `Debug`, so that secrets are never printed.
pub(super) struct Webhook {
    url: PrivateUrl,
    keys: Vec<hmac::Key>,
}

impl WebhookChannel {
    /// Reads the secrets.
    pub(super) fn open(&self) -> Result<Webhook, String> {
        let text = self.secret.read()?;
        let keys: Option<Vec<_>> = text.split_whitespace().map(key).collect();
        let keys = keys.filter(|keys| !keys.is_empty()).ok_or_else(|| {
            format!(
                "{} holds no webhook secret; expected `whsec_` and the base64 of {} to {} bytes",
                self.secret.name(),
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            )
        })?;
        Ok(Webhook { url: self.url.clone(), keys })
    }
}

/// The signing key of a secret (`whsec_...`).
fn key(secret: &str) -> Option<hmac::Key> {
    let bytes = BASE64_STANDARD.decode(secret.strip_prefix("whsec_")?).ok()?;
    SECRET_BYTES.contains(&bytes.len()).then(|| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`, for each key.
fn sign(keys: &[hmac::Key], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut message = format!("{id}.{timestamp}.").into_bytes();
    message.extend_from_slice(body);
    let signature = |key| format!("v1,{}", BASE64_STANDARD.encode(hmac::sign(key, &message)));
    keys.iter().map(signature).collect::<Vec<_>>().join(" ")
}

impl Webhook {
    pub(super) fn send(
        &self,
        finding: &Finding,
        site_url: Option<&str>,
        now: Timestamp,
        job: Job<'_>,
    ) -> Result<Result<(), Failure>> {
        let (id, timestamp) = (finding.id(), now.as_second());
        let body = finding.payload_with(site_url).to_string().into_bytes();
        let signature = sign(&self.keys, &id, timestamp, &body);
        let request = Request::post(self.url.reveal(), "application/json", body)
            .header("webhook-id", &id)?
            .header("webhook-timestamp", &timestamp.to_string())?
            .header("webhook-signature", &signature)?;
        Ok(match post_once(&request, job.cancel)? {
            Ok(reply) => self.judge(reply),
            Err(reason) => Err(Failure { kind: FailureKind::Passing, reason: format!("{}: {reason}", self.url) }),
        })
    }

    fn judge(&self, reply: Reply) -> Result<(), Failure> {
        let (kind, meaning) = match reply.status {
            200..=299 => return Ok(()),
            300..=399 => (FailureKind::Refused, "it redirects, which is not followed; use the new address"),
            401 | 403 => (FailureKind::Refused, "it rejects the sender; check the secret and the clocks"),
            404 => (FailureKind::Refused, "there is nothing at this address"),
            410 => (FailureKind::Gone, "it no longer exists"),
            408 | 425 | 429 => (FailureKind::Passing, "it asks to retry later"),
            400..=499 => (FailureKind::Refused, "it rejects the message"),
            _ => (FailureKind::Passing, "the server failed"),
        };
        let kind = match (kind, reply.retry_after) {
            (FailureKind::Passing, Some(pause)) => FailureKind::Later(pause),
            (kind, _) => kind,
        };
        Err(Failure { kind, reason: format!("{} answered {}: {meaning}", self.url, reply.status) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference vector of the specification's own libraries, which Python agrees with:
    /// `hmac.new(b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), b'msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.' + body, sha256)`
    #[test]
    fn the_reference_signature_comes_out() {
        let secret = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let sign =
            |keys: &[hmac::Key]| sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        let expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(sign(std::slice::from_ref(&secret)), expected);
        assert_eq!(sign(&[secret.clone(), secret]), format!("{expected} {expected}"), "during a change of secrets");
    }

    #[test]
    fn secrets_have_a_form() {
        let of = |bytes: usize| format!("whsec_{}", BASE64_STANDARD.encode(vec![7; bytes]));
        assert!(key(&of(24)).is_some() && key(&of(64)).is_some());
        for bad in [of(23), of(65), of(32).replace("whsec_", ""), "whsec_!".to_owned(), String::new()] {
            assert!(key(&bad).is_none(), "{bad}");
        }
    }
}
