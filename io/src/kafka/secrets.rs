//! Secrets: which settings may hold one, and how to keep them out of what people read.

use std::borrow::Cow;

/// What stands in a secret's place.
pub(crate) const REDACTED: &str = "[redacted]";

/// Whether the value of this setting may be a secret. Rather too many than one too few.
pub(crate) fn is_secret(name: &str) -> bool {
    const PARTS: [&str; 7] = ["password", "passwd", "secret", "token", "credential", "oauth", "jaas"];
    let name = name.to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
        || name.starts_with("sasl.")
        || name.split('.').any(|part| part == "key" || part == "pem")
}

/// Addresses without what may stand before an `@`.
pub(crate) fn public_address(servers: &str) -> String {
    let one = |address: &str| match address.rsplit_once('@') {
        Some((_, host)) => format!("{REDACTED}@{host}"),
        None => address.to_string(),
    };
    servers.split(',').map(|address| one(address.trim())).collect::<Vec<_>>().join(",")
}

/// Takes the secrets of a set of settings out of any text.
#[derive(Clone, Default)]
pub(crate) struct Scrubber {
    secrets: Vec<String>,
}

impl Scrubber {
    pub(crate) fn new<'a>(settings: impl Iterator<Item = (&'a String, &'a String)>) -> Self {
        let secrets = settings.filter(|(name, value)| is_secret(name) && !value.is_empty());
        let mut secrets: Vec<String> = secrets.map(|(_, value)| value.clone()).collect();
        // The longest first, so that a secret which contains another is replaced whole.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        Scrubber { secrets }
    }

    pub(crate) fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in &self.secrets {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), REDACTED));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name() {
        let secret = [
            "sasl.password",
            "sasl.username",
            "sasl.mechanism",
            "ssl.key.password",
            "ssl.key.pem",
            "ssl.key",
            "ssl.keystore.password",
            "sasl.oauthbearer.client.secret",
            "my.Token",
        ];
        assert!(secret.iter().all(|name| is_secret(name)));
        let public = ["fetch.min.bytes", "bootstrap.servers", "security.protocol", "client.id", "ssl.ca.location"];
        assert!(!public.iter().any(|name| is_secret(name)));
    }

    #[test]
    fn texts_and_addresses_are_cleaned() {
        let settings = [("sasl.password".to_string(), "hunter2".to_string())];
        let scrubber = Scrubber::new(settings.iter().map(|(name, value)| (name, value)));
        assert_eq!(scrubber.clean("login with hunter2 failed"), "login with [redacted] failed");
        assert_eq!(public_address("SASL_SSL://me:pw@a:1, b:2"), "[redacted]@a:1,b:2");
    }
}
