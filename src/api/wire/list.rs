//! Pages of lists (contract section 2).

use super::json::Members;
use crate::domain::query::Listed;

/// `{"items":[...],"nextCursor":...}`.
pub fn write_listed<T>(listed: &Listed<T>, write: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members
        .list("items", &listed.items, write)
        .value("nextCursor", listed.next.as_deref())
        .end();
}

/// `{"items":[...]}` of a bulk request, in the order of the request.
pub fn write_items<T>(items: &[T], write: impl Fn(&T, &mut Vec<u8>), out: &mut Vec<u8>) {
    let mut members = Members::begin(out);
    members.list("items", items, write).end();
}
