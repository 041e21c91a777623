//! Searchable columns: text of tables, in one language per entity.

use crate::codes;
use crate::draft::{ColumnDraft, EntityDraft, FieldDraft, FieldKindDraft, SearchDraft};
use crate::model::{ColumnKind, Entity};
use crate::search::{LANGUAGES, Language, Search};
use crate::source::{At, Errors};

pub(super) fn lower(field: &FieldDraft, draft: &ColumnDraft, errors: &mut Errors) -> Option<Search> {
    let At { value: search, at } = draft.search.as_ref()?;
    if draft.kind.value != ColumnKind::String || draft.list {
        let message = format!("`{}` is no single text, so it cannot be searched", field.name.value);
        errors.add(*at, codes::SEARCH_INVALID, message).hint("only fields of the type `String` are searchable");
        return None;
    }
    Some(Search { language: language(search, errors)?, weight: search.weight })
}

fn language(search: &SearchDraft, errors: &mut Errors) -> Option<Language> {
    let Some(given) = &search.language else { return Some(Language::SIMPLE) };
    let found = Language::from_name(given.as_str());
    if found.is_none() {
        let error = errors.add(given.at, codes::UNKNOWN_LANGUAGE, format!("unknown language `{}`", given.value));
        let near = LANGUAGES.into_iter().find(|known| *known == given.value.to_lowercase());
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.suggest(given.as_str(), LANGUAGES),
        }
    }
    found
}

/// What concerns an entity's searchable columns together.
pub(super) fn check(draft: &EntityDraft, entity: &Entity, errors: &mut Errors) {
    let mut first: Option<(&str, Search)> = None;
    for field in &draft.fields {
        let Some(At { value: search, at }) = written(field) else { continue };
        let name = field.name.as_str();
        if draft.view.is_some() {
            let error = errors.add(*at, codes::SEARCH_INVALID, format!("`{name}` belongs to a view, which cannot be searched"));
            error.hint("a view stores nothing, so it has no index of words");
            continue;
        }
        let Some(lowered) = entity.column(name).and_then(|column| column.search) else { continue };
        match first {
            Some((other, known)) if known.language != lowered.language => {
                let at = search.language.as_ref().map_or(*at, |language| language.at);
                let message = format!(
                    "`{name}` is searched as {}, but `{other}` of the same entity as {}",
                    lowered.language.name(),
                    known.language.name()
                );
                errors.add(at, codes::SEARCH_INVALID, message).hint("give all searchable fields of an entity one language");
            }
            Some(_) => {}
            None => first = Some((name, lowered)),
        }
    }
}

fn written(field: &FieldDraft) -> Option<&At<SearchDraft>> {
    match field.kind.as_ref()? {
        FieldKindDraft::Column(column) => column.search.as_ref(),
        FieldKindDraft::Relation(_) => None,
    }
}
