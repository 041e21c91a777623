//! Random changes of a tenant's rows, made by an administrator, and the judgement whether a caller may notice them.
//!
//! A change is made blindly: any cell of any row, a new row, a row less. Whether it is hidden is decided by a query that lists, in plain SQL, everything that
//! the caller may know (`*.sql` beside this file): same list, hidden change.

use freehold_tests::Database;

use crate::generator::random::Random;

/// A table of content.
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [(&'static str, Values)],
}

/// What may stand in a column.
pub enum Values {
    /// These SQL literals.
    Of(&'static [&'static str]),
    /// An id of this table.
    Id(&'static str),
    /// An id of this table, or NULL.
    IdOrNull(&'static str),
}

pub struct World {
    pub database: Database,
    pub tables: &'static [Table],
}

/// Rows that a table may have.
const N_IDS: usize = 12;

#[derive(Clone, Copy, PartialEq)]
pub enum Sort {
    Hidden,
    Noticeable,
}

/// All rows, and what a caller may know of them.
struct State {
    everything: Vec<String>,
    known: Vec<String>,
}

impl State {
    /// None when nothing was changed.
    fn sort_of_change(&self, after: &State) -> Option<Sort> {
        let is_hidden = self.known == after.known;
        (self.everything != after.everything).then_some(if is_hidden { Sort::Hidden } else { Sort::Noticeable })
    }
}

impl World {
    /// Every id that a row may have.
    pub fn ids(&self) -> Vec<String> {
        self.tables.iter().flat_map(|table| (1..=N_IDS).map(|number| self.id(table.name, number))).collect()
    }

    /// Ids tell their table: `30000000-…-000000000001` is the first row of the third one.
    fn id(&self, table: &str, number: usize) -> String {
        let index = self.tables.iter().position(|known| known.name == table).unwrap() + 1;
        format!("{index}0000000-0000-4000-8000-{number:012x}")
    }

    /// Rows at random; what violates a key is not inserted.
    pub fn fill(&mut self, random: &mut Random) {
        for table in self.tables {
            for _ in 0..N_IDS * 8 {
                let insert = self.insert(random, table);
                let _ = self.database.execute(&insert);
            }
        }
    }

    /// Makes changes of one sort and returns their statements.
    pub fn change(&mut self, random: &mut Random, sort: Sort, view: &str, n_wanted: usize) -> Vec<String> {
        let mut made = Vec::new();
        let mut before = self.state(view);
        for _ in 0..n_wanted * 60 {
            if made.len() == n_wanted {
                return made;
            }
            let statement = self.statement(random);
            self.database.execute("BEGIN").unwrap();
            // What violates a key is refused.
            let after = self.database.execute(&statement).ok().map(|()| self.state(view));
            match after.filter(|after| before.sort_of_change(after) == Some(sort)) {
                Some(after) => {
                    self.database.execute("COMMIT").unwrap();
                    made.push(statement);
                    before = after;
                }
                None => self.database.execute("ROLLBACK").unwrap(),
            }
        }
        panic!("too few changes of the wanted sort were found: {made:?}");
    }

    fn state(&mut self, view: &str) -> State {
        State { everything: self.everything(), known: self.database.texts(view).unwrap() }
    }

    fn everything(&mut self) -> Vec<String> {
        let selects = self.tables.iter().map(|table| format!("SELECT t::text AS value FROM {0} t", table.name));
        self.database.texts(&format!("{} ORDER BY 1", selects.collect::<Vec<_>>().join(" UNION ALL "))).unwrap()
    }

    fn statement(&self, random: &mut Random) -> String {
        let table = random.pick(self.tables);
        match random.below(10) {
            0..=1 => self.insert(random, table),
            2 => format!("DELETE FROM {} WHERE {}", table.name, self.row(random, table)),
            _ => {
                let (column, values) = random.pick(table.columns);
                let value = self.value(random, values);
                format!("UPDATE {} SET {column} = {value} WHERE {}", table.name, self.row(random, table))
            }
        }
    }

    fn insert(&self, random: &mut Random, table: &Table) -> String {
        let mut names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let mut values: Vec<String> = table.columns.iter().map(|(_, values)| self.value(random, values)).collect();
        if !is_junction(table) {
            names.push("id");
            values.push(format!("'{}'", self.any_id(random, table.name)));
        }
        format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "))
    }

    /// A condition that names one row. Of a junction it names those with one of the ids.
    fn row(&self, random: &mut Random, table: &Table) -> String {
        if !is_junction(table) {
            return format!("id = '{}'", self.any_id(random, table.name));
        }
        let ids = table.columns.iter().map(|(name, values)| format!("{name} = {}", self.value(random, values)));
        ids.collect::<Vec<_>>().join(if random.percent(50) { " AND " } else { " OR " })
    }

    fn any_id(&self, random: &mut Random, table: &str) -> String {
        self.id(table, 1 + random.below(N_IDS))
    }

    fn value(&self, random: &mut Random, values: &Values) -> String {
        match values {
            Values::Of(literals) => random.pick(literals).to_string(),
            Values::IdOrNull(_) if random.percent(20) => "NULL".to_owned(),
            Values::Id(table) | Values::IdOrNull(table) => format!("'{}'", self.any_id(random, table)),
        }
    }

    /// Remembers all rows.
    pub fn save(&mut self) {
        let copies = self.tables.iter().map(|table| format!("CREATE TABLE saved.{0} AS TABLE content.{0};", table.name));
        let copies: String = copies.collect();
        self.database.execute(&format!("DROP SCHEMA IF EXISTS saved CASCADE; CREATE SCHEMA saved; {copies}")).unwrap();
    }

    /// Copies a table's remembered rows, except what PostgreSQL makes of them.
    fn copy(&mut self, table: &str) -> String {
        let columns = format!(
            "SELECT string_agg(quote_ident(attname), ', ') AS value FROM pg_attribute
             WHERE attrelid = 'content.{table}'::regclass AND attnum > 0 AND attgenerated = ''"
        );
        let columns = self.database.texts(&columns).unwrap().remove(0);
        format!("INSERT INTO content.{table} ({columns}) SELECT {columns} FROM saved.{table};")
    }

    /// Puts back the remembered rows.
    pub fn restore(&mut self) {
        let names: Vec<_> = self.tables.iter().map(|table| table.name).collect();
        let copies: String = names.iter().map(|name| self.copy(name)).collect();
        self.database
            .execute(&format!(
                "SET session_replication_role = replica; TRUNCATE {}; {copies} SET session_replication_role = origin",
                names.join(", ")
            ))
            .unwrap();
    }
}

fn is_junction(table: &Table) -> bool {
    table.columns.iter().all(|(_, values)| matches!(values, Values::Id(_)))
}
