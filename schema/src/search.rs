//! Full-text search: which columns are searched, in which language, and how much a match in each of them counts.
//!
//! PostgreSQL keeps the words of all searchable columns of a row in one generated column, [`column()`], with an index on it. Whoever may not read all of them
//! needs a vector made of those he may; the compiler writes the same expression with what is readable.

use crate::ident::Ident;
use crate::model::{Column, Entity};

/// How a text column is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// The language of the text; all searchable columns of an entity have the same.
    pub language: Language,
    /// How much a match counts.
    pub weight: Weight,
}

/// A text search configuration of PostgreSQL: how a text is cut into words and what is left of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static str);

/// The configurations that every PostgreSQL 15 has. Others would have to be made in each database first.
pub const LANGUAGES: [&str; 29] = [
    "simple",
    "arabic",
    "armenian",
    "basque",
    "catalan",
    "danish",
    "dutch",
    "english",
    "finnish",
    "french",
    "german",
    "greek",
    "hindi",
    "hungarian",
    "indonesian",
    "irish",
    "italian",
    "lithuanian",
    "nepali",
    "norwegian",
    "portuguese",
    "romanian",
    "russian",
    "serbian",
    "spanish",
    "swedish",
    "tamil",
    "turkish",
    "yiddish",
];

impl Language {
    /// Words as they stand, in lower case.
    pub const SIMPLE: Self = Self("simple");

    /// The language of this name, if PostgreSQL has it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        LANGUAGES.into_iter().find(|known| *known == name).map(Self)
    }

    /// The name of PostgreSQL's configuration: letters only.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// How much a match counts in the rank of a row: 1, 0.4, 0.2 and 0.1 (PostgreSQL manual, 12.3.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Weight {
    /// Most: a title.
    A,
    /// Less.
    B,
    /// Still less.
    C,
    /// Least: a body.
    #[default]
    D,
}

/// All weights, best first.
pub const WEIGHTS: [Weight; 4] = [Weight::A, Weight::B, Weight::C, Weight::D];

impl Weight {
    /// The weight of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        WEIGHTS.into_iter().find(|weight| weight.name() == name)
    }

    /// The letter.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        }
    }
}

/// Name of the generated column.
const COLUMN: &str = "freehold_search";

/// PostgreSQL refuses vectors of more than 1,048,575 bytes, and with the vector the row. A character makes at most 8 bytes of it: four, twice when it stands
/// in a hyphenated word, which is kept whole and in parts.
const MOST_CHARACTERS: usize = 130_000;

/// The generated column that holds the words of an entity's searchable columns.
///
/// # Panics
/// Never: the name is short.
#[must_use]
pub fn column() -> Ident {
    Ident::new(COLUMN).expect("a short name")
}

impl Entity {
    /// The columns that are searched, in the order of the fields.
    pub fn searchable(&self) -> impl Iterator<Item = (&str, &Column, Search)> {
        self.fields.keys().filter_map(|name| {
            let column = self.column(name.as_str())?;
            Some((name.as_str(), column, column.search?))
        })
    }

    /// How many characters of each searchable column are looked at: an equal share of what a vector surely holds.
    #[must_use]
    pub fn searched_characters(&self) -> usize {
        MOST_CHARACTERS / self.searchable().count().max(1)
    }
}
