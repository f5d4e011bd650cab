//! Which pages may call the user API from a browser (`--cors-origins`).

/// The allowed values of the `Origin` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Any page: the user API knows no cookies, only bearer tokens.
    Any,
    /// These, as browsers write them: `https://chat.example.com`. Empty: none.
    Listed(Vec<String>),
}

impl Origins {
    /// Whether a page of this origin may call.
    pub fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(list) => list.iter().any(|allowed| allowed == origin),
        }
    }

    /// `*`, nothing, or origins separated by commas; otherwise the first item that is no origin.
    pub fn parse(text: &str) -> Result<Self, &str> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let parsed: Result<Vec<_>, _> = items
            .map(|item| is_origin(item).then(|| item.to_owned()).ok_or(item))
            .collect();
        parsed.map(Self::Listed)
    }
}

/// Scheme, host and optional port, nothing after it: what a browser sends.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else {
        return false;
    };
    let is_host_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'[' | b']');
    let is_scheme_byte = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    !scheme.is_empty() && !host.is_empty() && scheme.bytes().all(is_scheme_byte) && host.bytes().all(is_host_byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_allowed_when_it_is_listed_or_all_are() {
        let listed = Origins::parse("https://a.example, http://localhost:5173").expect("two origins");
        assert!(listed.allows("http://localhost:5173") && !listed.allows("http://localhost"));
        assert!(!listed.allows("https://a.example.evil"));
        assert!(Origins::parse("*").expect("any").allows("https://a.example"));
        assert!(!Origins::parse("").expect("none").allows("https://a.example"));
    }

    #[test]
    fn what_a_browser_never_sends_is_refused() {
        for text in [
            "a.example",
            "https://a.example/",
            "https://",
            "HTTPS://A.example",
            "*.a.example",
            "null",
        ] {
            assert_eq!(Origins::parse(text), Err(text));
        }
    }
}
