//! The id in a path and the query behind it.

use std::borrow::Cow;

use crate::api::refusal::{Fault, Refusal};
use crate::base::limits;
use crate::domain::query::Page;

/// What a request line says beside the route.
#[derive(Default)]
pub struct Parameters<'r> {
    /// The part of the path that stands for `{id}`, percent-decoded.
    pub id: Option<Cow<'r, str>>,
    /// What follows the `?`, as sent.
    pub query: Option<&'r str>,
}

impl<'r> Parameters<'r> {
    /// The path's id through `parse`.
    ///
    /// # Errors
    /// `missing` when the text cannot be an id, since then there is nothing of that name.
    pub fn id<T>(&self, parse: impl FnOnce(&str) -> Option<T>, missing: Fault) -> Result<T, Refusal> {
        self.id.as_deref().and_then(parse).ok_or_else(|| missing.into())
    }

    /// One parameter of the query; empty counts as absent.
    ///
    /// # Errors
    /// `invalid_<name>` when it is given twice, since then it is unclear which is meant.
    pub fn text(&self, name: &'static str) -> Result<Option<Cow<'r, str>>, Refusal> {
        let pairs = form_urlencoded::parse(self.query.unwrap_or_default().as_bytes());
        let mut values = pairs.filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        match values.next() {
            Some(_) => Err(Refusal::field(name, format!("Give `{name}` once."))),
            None => Ok(value.filter(|value| !value.is_empty())),
        }
    }

    /// One parameter through `parse`.
    ///
    /// # Errors
    /// `invalid_<name>` when `parse` refuses it.
    pub fn parsed<T>(&self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Refusal> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| Fault::InvalidField(name).into())
    }

    /// A whole number.
    ///
    /// # Errors
    /// `invalid_<name>` for anything else.
    pub fn int(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        self.parsed(name, |text| text.parse().ok())
    }

    /// `limit`, or the default (contract section 2).
    ///
    /// # Errors
    /// `invalid_limit` outside 1-200.
    pub fn limit(&self) -> Result<u32, Refusal> {
        checked_limit(self.int("limit")?, limits::PAGE_ITEMS_DEFAULT)
    }

    /// `cursor` and `limit` of a list.
    ///
    /// # Errors
    /// `invalid_limit`.
    pub fn page(&self) -> Result<Page, Refusal> {
        let cursor = self.text("cursor")?.map(|cursor| cursor.into());
        Ok(Page {
            cursor,
            limit: self.limit()?,
        })
    }
}

/// A `limit` from outside.
///
/// # Errors
/// `invalid_limit` outside 1-200.
pub fn checked_limit(limit: Option<i64>, default: u32) -> Result<u32, Refusal> {
    let Some(limit) = limit else { return Ok(default) };
    u32::try_from(limit)
        .ok()
        .filter(|limit| (1..=limits::PAGE_ITEMS_MAX).contains(limit))
        .ok_or_else(|| Refusal::field("limit", "`limit` must be between 1 and 200."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(query: &str) -> Parameters<'_> {
        Parameters {
            id: None,
            query: Some(query),
        }
    }

    #[test]
    fn limits_are_checked() {
        assert_eq!(with("").limit(), Ok(50));
        assert_eq!(with("limit=200").limit(), Ok(200));
        for bad in [
            "limit=0",
            "limit=201",
            "limit=-1",
            "limit=x",
            "limit=1&limit=2",
            "limit=99999999999999999999",
        ] {
            assert_eq!(
                with(bad).limit().map_err(|refusal| refusal.fault),
                Err(Fault::InvalidField("limit")),
                "{bad}"
            );
        }
    }

    #[test]
    fn texts_are_decoded() {
        assert_eq!(with("q=a%20b+c&x=").text("q").unwrap().as_deref(), Some("a b c"));
        assert_eq!(with("q=a&x=").text("x"), Ok(None));
    }
}
