//! Full-text search: the words of a row, whether they satisfy a text, and how well.
//!
//! PostgreSQL keeps the words of all searchable columns in one generated column with an index ([`freehold_schema::search`]). It serves callers who may read
//! all of these columns in every row they see. For others the words are made from what they may read in that row, which no index can help with: 0.7 ms
//! of CPU time for a row of 6,800 characters. In return nothing that is hidden finds or ranks a row.

use freehold_schema::ident::Ident;
use freehold_schema::model::Entity;
use freehold_schema::search::{self, Language, Weight};

use super::clauses::{self, Clause};
use super::ordering::write_masked;
use super::{Env, State};
use crate::bind::{BindSource, BindType};
use crate::permissions::Access;
use crate::sql::Alias;

/// The words of a row that the caller may know of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vector<'a> {
    language: Language,
    words: Words<'a>,
}

#[derive(Debug, Clone, PartialEq)]
enum Words<'a> {
    /// The generated column.
    Stored(Ident),
    /// Those of the parts of which something may be read.
    Made { parts: Vec<Part<'a>>, n_characters: usize },
}

#[derive(Debug, Clone, PartialEq)]
struct Part<'a> {
    column: &'a Ident,
    weight: Weight,
    readable: Clause<'a>,
}

impl<'a> Vector<'a> {
    /// The words of an entity's rows that were reached in this way.
    pub fn of(env: &Env<'a>, access: Access, entity: &'a Entity) -> Self {
        let language = entity.searchable().next().map_or(Language::SIMPLE, |(_, _, search)| search.language);
        let parts = entity.searchable().map(|(name, column, search)| Part {
            column: &column.column,
            weight: search.weight,
            readable: clauses::readable(env, access, entity, name),
        });
        let mut parts: Vec<_> = parts.collect();
        let words = if !parts.is_empty() && parts.iter().all(|part| part.readable.is_always()) {
            Words::Stored(search::column())
        } else {
            parts.retain(|part| !part.readable.is_never());
            Words::Made { parts, n_characters: entity.searched_characters() }
        };
        Self { language, words }
    }

    /// Writes whether the words satisfy the text; never NULL.
    pub fn write_match(&self, env: &Env<'_>, state: &mut State, alias: Alias, text: &BindSource) {
        self.write_words(env, state, alias);
        state.sql.syntax(" @@ ");
        self.write_query(state, text);
    }

    /// Writes how well the words satisfy the text: how often and how close together its words stand, and with which weight.
    pub fn write_rank(&self, env: &Env<'_>, state: &mut State, alias: Alias, text: &BindSource) {
        state.sql.syntax("ts_rank_cd(");
        self.write_words(env, state, alias);
        state.sql.syntax(", ");
        self.write_query(state, text);
        state.sql.syntax(")");
    }

    fn write_query(&self, state: &mut State, text: &BindSource) {
        state.sql.syntax("websearch_to_tsquery(");
        self.write_language(state);
        state.sql.syntax(", ").bind(BindSource::SearchText(Box::new(text.clone())), BindType::Text).syntax(")");
    }

    fn write_words(&self, env: &Env<'_>, state: &mut State, alias: Alias) {
        match &self.words {
            Words::Stored(column) => drop(state.sql.column(alias, column)),
            Words::Made { parts, .. } if parts.is_empty() => drop(state.sql.syntax("''::tsvector")),
            Words::Made { parts, n_characters } => {
                state.sql.syntax("(");
                for (index, part) in parts.iter().enumerate() {
                    state.sql.syntax(if index == 0 { "" } else { " || " });
                    self.write_part(env, state, alias, part, *n_characters);
                }
                state.sql.syntax(")");
            }
        }
    }

    /// What the generated column says of one column (`freehold_schema::ddl`), where it may be read.
    fn write_part(&self, env: &Env<'_>, state: &mut State, alias: Alias, part: &Part<'_>, n_characters: usize) {
        state.sql.syntax("setweight(to_tsvector(");
        self.write_language(state);
        state.sql.syntax(", coalesce(");
        write_masked(env, state, alias, &part.readable, |state| {
            state.sql.syntax("left(").column(alias, part.column).syntax(", ").number(n_characters).syntax(")");
        });
        state.sql.syntax(", '')), ").word_literal(part.weight.name()).syntax(")");
    }

    fn write_language(&self, state: &mut State) {
        state.sql.word_literal(self.language.name()).syntax("::regconfig");
    }
}
