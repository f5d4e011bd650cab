//! Lists as aligned columns.

use serde_json::Value;

use super::print::cell;

/// One column: its title, and the member it shows.
pub type Column = (&'static str, &'static str);

/// The items' members, a line each below the titles.
pub fn text(columns: &[Column], items: &[Value]) -> String {
    let titles: Vec<String> = columns.iter().map(|(title, _)| (*title).to_owned()).collect();
    let row = |item: &Value| columns.iter().map(|(_, member)| cell(member, &item[*member])).collect();
    let rows: Vec<Vec<String>> = std::iter::once(titles).chain(items.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let items = [
            json!({"id": "a", "scopes": ["read", "users"]}),
            json!({"id": "béb", "scopes": null}),
        ];
        let table = text(&[("ID", "id"), ("SCOPES", "scopes")], &items);
        assert_eq!(table, "ID   SCOPES\na    read,users\nbéb  -\n");
    }
}
