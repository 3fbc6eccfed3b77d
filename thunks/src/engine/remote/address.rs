//! Where a cluster is, as people write it.

use std::fmt;
use std::str::FromStr;

/// Where a cluster is: `grpc://HOST:PORT` or, over TLS, `grpcs://HOST:PORT`, either with `/INSTANCE` where it has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub(super) uses_tls: bool,
    pub(super) authority: String,
    pub(super) instance: String,
}

/// Text that is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    /// The text.
    pub text: String,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no engine: that is grpc://HOST:PORT or grpcs://HOST:PORT, with /INSTANCE if need be",
            self.text
        )
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (uses_tls, rest) = match text.strip_prefix("grpcs://") {
                Some(rest) => (true, rest),
                None => (false, text.strip_prefix("grpc://")?),
            };
            let (authority, instance) = rest.split_once('/').unwrap_or((rest, ""));
            let (host, port) = authority.rsplit_once(':')?;
            let is_instance = instance.chars().all(|c| c.is_ascii_graphic());
            (!host.is_empty() && port.parse::<u16>().is_ok() && is_instance).then(|| Self {
                uses_tls,
                authority: authority.to_owned(),
                instance: instance.trim_end_matches('/').to_owned(),
            })
        };
        parse().ok_or_else(|| AddressError { text: text.to_owned() })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.uses_tls { "grpcs" } else { "grpc" };
        let slash = if self.instance.is_empty() { "" } else { "/" };
        write!(f, "{scheme}://{}{slash}{}", self.authority, self.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_says_where_how_and_for_whom() {
        for text in ["grpc://127.0.0.1:8980", "grpcs://cluster.example:443/main/linux", "grpc://[::1]:1"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in
            ["", "grpc://", "http://a:1", "grpc://a", "grpc://:1", "grpc://a:b", "grpc://a:70000", "grpc://a:1/b c"]
        {
            assert_eq!(text.parse::<Address>(), Err(AddressError { text: text.to_owned() }));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_none(text in "(grpcs?://)?\\PC{0,30}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
