//! The one place where SQL text is made.
//!
//! Text comes in through four doors only: keywords that stand in this program, identifiers that quote themselves, words of nothing but letters, digits and
//! underscores, and binds. So a value of a request cannot become SQL.

mod type_name;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use freehold_schema::ident::Ident;
use indexmap::{IndexMap, IndexSet};

use crate::bind::{Bind, BindSource, BindType};
use crate::plan::Statement;

pub use type_name::TypeName;

/// A name that a statement gives to rows, `t7`. Counted, so that the same request gives the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alias(u32);

/// Writes one statement from left to right.
#[derive(Debug)]
pub struct SqlWriter {
    segments: Vec<String>,
    binds: Vec<Bind>,
    next_alias: u32,
    taken: BTreeSet<u32>,
    columns: IndexMap<Alias, IndexSet<Ident>>,
    rows: Option<Rows>,
}

/// Rows of values that a statement is sent.
#[derive(Debug)]
struct Rows {
    alias: Alias,
    columns: Vec<Bind>,
}

impl Default for SqlWriter {
    fn default() -> Self {
        Self {
            segments: vec![String::new()],
            binds: Vec::new(),
            next_alias: 1,
            taken: BTreeSet::new(),
            columns: IndexMap::new(),
            rows: None,
        }
    }
}

impl SqlWriter {
    /// A writer that calls no rows by one of these names.
    ///
    /// In `row_to_json(t1)` PostgreSQL takes `t1` for a column, if one in sight has that name, and only then for rows.
    pub fn avoiding<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let numbers = names.into_iter().filter_map(|name| name.strip_prefix('t')?.parse().ok());
        Self { taken: numbers.collect(), ..Self::default() }
    }

    /// A name for rows that nothing else in the statement has.
    pub fn next_alias(&mut self) -> Alias {
        while self.taken.contains(&self.next_alias) {
            self.next_alias += 1;
        }
        let alias = Alias(self.next_alias);
        self.next_alias += 1;
        alias
    }

    /// Keywords and punctuation.
    pub fn syntax(&mut self, text: &'static str) -> &mut Self {
        self.text().push_str(text);
        self
    }

    /// A quoted name.
    pub fn ident(&mut self, name: &Ident) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.text(), "{name}");
        self
    }

    /// A table, view or enum type of the tenant's content.
    pub fn content(&mut self, name: &Ident) -> &mut Self {
        self.syntax("\"content\".").ident(name)
    }

    /// The name of rows.
    pub fn alias(&mut self, alias: Alias) -> &mut Self {
        let _ = write!(self.text(), "t{}", alias.0);
        self
    }

    /// A column of some rows.
    pub fn column(&mut self, alias: Alias, column: &Ident) -> &mut Self {
        if let Some(columns) = self.columns.get_mut(&alias) {
            columns.insert(column.clone());
        }
        self.alias(alias).syntax(".").ident(column)
    }

    /// A PostgreSQL type.
    pub fn type_name(&mut self, name: &TypeName) -> &mut Self {
        match name {
            TypeName::Plain(words) => self.text().push_str(words),
            TypeName::Content(name) => return self.content(name),
        }
        self
    }

    /// A small number that belongs to the plan: the ordinal of a root field, the slot of an image.
    pub fn number(&mut self, number: usize) -> &mut Self {
        let _ = write!(self.text(), "{number}");
        self
    }

    /// A word as a text literal: the name of a GraphQL type, which may be longer than an identifier. Anything that is not a letter, digit or underscore is left out.
    pub fn word_literal(&mut self, word: &str) -> &mut Self {
        let text = self.text();
        text.push('\'');
        text.extend(word.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_'));
        text.push('\'');
        self
    }

    /// A value that is sent beside the text. Of a value for each row, a column of the rows that were begun.
    pub fn bind(&mut self, source: BindSource, ty: BindType) -> &mut Self {
        if let (BindSource::Each(_), Some(rows)) = (&source, &mut self.rows) {
            let (many, cast) = ty.of_many();
            let (alias, column) = (rows.alias, row_column(rows.columns.len()));
            rows.columns.push(Bind { source, ty: many });
            return self.alias(alias).syntax(".").ident(&column).syntax(cast);
        }
        self.binds.push(Bind { source, ty });
        self.segments.push(String::new());
        self
    }

    /// Begins rows of values: from now on, what is bound for each row is a column of them.
    pub fn begin_rows(&mut self) -> Alias {
        let alias = self.next_alias();
        self.rows = Some(Rows { alias, columns: Vec::new() });
        alias
    }

    /// Ends them, and writes `unnest(arrays) WITH ORDINALITY rows(columns)`. The text does not depend on how many rows there are. The last column numbers them; its name.
    pub fn end_rows(&mut self) -> Option<Ident> {
        let Rows { alias, columns } = self.rows.take().filter(|rows| !rows.columns.is_empty())?;
        let names: Vec<Ident> = (0..=columns.len()).map(row_column).collect();
        self.syntax("unnest(");
        for (index, Bind { source, ty }) in columns.into_iter().enumerate() {
            self.syntax(if index == 0 { "" } else { ", " }).bind(source, ty);
        }
        self.syntax(") WITH ORDINALITY ").alias(alias).syntax("(");
        for (index, name) in names.iter().enumerate() {
            self.syntax(if index == 0 { "" } else { ", " }).ident(name);
        }
        self.syntax(")");
        names.into_iter().next_back()
    }

    /// Remembers from now on which columns of `alias` are named.
    pub fn track(&mut self, alias: Alias) {
        self.columns.entry(alias).or_default();
    }

    /// Columns of `alias` that were named since [`SqlWriter::track`], in order of first use.
    pub fn tracked(&mut self, alias: Alias) -> IndexSet<Ident> {
        self.columns.shift_remove(&alias).unwrap_or_default()
    }

    /// Remembers columns that are named indirectly, when `alias` is tracked.
    pub fn also_tracked(&mut self, alias: Alias, columns: IndexSet<Ident>) {
        if let Some(tracked) = self.columns.get_mut(&alias) {
            tracked.extend(columns);
        }
    }

    /// Cuts off everything written since `mark`, to be put back behind text that must know it.
    pub fn cut(&mut self, mark: Mark) -> Piece {
        let binds = self.binds.split_off(mark.binds);
        let mut segments = self.segments.split_off(mark.binds + 1);
        segments.insert(0, self.text().split_off(mark.bytes));
        Piece { segments, binds }
    }

    /// The place reached.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark { binds: self.binds.len(), bytes: self.segments.last().map_or(0, String::len) }
    }

    /// Puts a piece back.
    pub fn paste(&mut self, piece: Piece) -> &mut Self {
        let mut segments = piece.segments.into_iter();
        if let Some(first) = segments.next() {
            self.text().push_str(&first);
        }
        self.segments.extend(segments);
        self.binds.extend(piece.binds);
        self
    }

    /// The statement.
    #[must_use]
    pub fn finish(self) -> Statement {
        Statement { segments: self.segments, binds: self.binds }
    }

    fn text(&mut self) -> &mut String {
        self.segments.last_mut().expect("there is always a segment to write to")
    }
}

/// The name of a column of the rows that a statement is sent.
fn row_column(index: usize) -> Ident {
    Ident::new(&format!("c{index}")).expect("a short name")
}

/// A place in a statement.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    binds: usize,
    bytes: usize,
}

/// Text cut out of a statement, with its binds.
#[derive(Debug)]
pub struct Piece {
    segments: Vec<String>,
    binds: Vec<Bind>,
}

impl Piece {
    /// Whether it reads a table of the tenant's content.
    #[must_use]
    pub fn names(&self, table: &Ident) -> bool {
        let name = format!("\"content\".{table}");
        self.segments.iter().any(|segment| segment.contains(&name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ident(name: &str) -> Ident {
        Ident::new(name).expect("a legal name")
    }

    fn text(writer: SqlWriter) -> String {
        writer.finish().sql()
    }

    #[test]
    fn identifiers_and_literals_stay_inside_their_quotes() {
        let mut writer = SqlWriter::default();
        writer.syntax("SELECT ").word_literal("A_Word9' \\ é").syntax(" AS ").ident(&ident("a\"b"));
        assert_eq!(text(writer), r#"SELECT 'A_Word9' AS "a""b""#);
    }

    #[test]
    fn rows_are_not_called_like_a_column() {
        let mut writer = SqlWriter::avoiding(["t1", "title", "t3", "t", "t99999999999", "x2"]);
        for _ in 0..3 {
            let alias = writer.next_alias();
            writer.alias(alias).syntax(" ");
        }
        assert_eq!(text(writer), "t2 t4 t5 ");
    }

    #[test]
    fn a_piece_moves_with_its_binds() {
        let mut writer = SqlWriter::default();
        writer.syntax("a = ").bind(BindSource::Now, BindType::Text);
        let mark = writer.mark();
        writer.syntax(" AND b = ").bind(BindSource::Identity, BindType::Uuids).syntax(" AND c");
        let piece = writer.cut(mark);
        writer.syntax(" AND d = ").bind(BindSource::Marker, BindType::Text).paste(piece);
        let statement = writer.finish();
        assert_eq!(statement.sql(), "a = $1 AND d = $2 AND b = $3 AND c");
        let sources: Vec<_> = statement.binds.iter().map(|bind| &bind.source).collect();
        assert_eq!(sources, [&BindSource::Now, &BindSource::Marker, &BindSource::Identity]);
    }

    #[test]
    fn what_is_given_for_each_row_is_a_column_of_the_rows() {
        let each = |n: usize| BindSource::Each(vec![BindSource::Now; n]);
        let mut writer = SqlWriter::default();
        let rows = writer.begin_rows();
        writer.syntax("SELECT ").bind(each(2), BindType::Text).syntax(", ").bind(BindSource::Identity, BindType::Uuids);
        writer.syntax(", ").bind(each(2), BindType::Ints).syntax(" FROM ");
        let number = writer.end_rows().unwrap();
        writer.syntax(" ORDER BY ").column(rows, &number);
        let statement = writer.finish();
        let expected =
            r#"SELECT t1."c0", $1, t1."c1"::int4[] FROM unnest($2, $3) WITH ORDINALITY t1("c0", "c1", "c2") ORDER BY t1."c2""#;
        assert_eq!(statement.sql(), expected);
        let types: Vec<_> = statement.binds.iter().map(|bind| bind.ty).collect();
        assert_eq!(types, [BindType::Uuids, BindType::Texts, BindType::Lists]);
        let mut writer = SqlWriter::default();
        writer.begin_rows();
        assert_eq!(writer.end_rows(), None, "rows without columns cannot be counted");
    }

    #[test]
    fn tracked_columns_are_listed_once() {
        let mut writer = SqlWriter::default();
        let alias = writer.next_alias();
        writer.column(alias, &ident("before"));
        writer.track(alias);
        writer.column(alias, &ident("b")).column(alias, &ident("a")).column(alias, &ident("b"));
        let columns: Vec<_> = writer.tracked(alias).iter().map(ToString::to_string).collect();
        assert_eq!(columns, ["\"b\"", "\"a\""]);
    }
}
