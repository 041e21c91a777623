//! The chain of hashes over a tenant's event log, recomputed without the database's help: what it covers stands in `migrations/tenant/README.md`.

use std::fmt;
use std::str::FromStr;

use diesel::sql_types::{BigInt, Binary, Nullable};
use ring::digest::{Context, SHA256};

/// A SHA-256.
pub(crate) type Hash = [u8; 32];

/// The last entry of a chain. Kept elsewhere, it proves later that nothing up to it was changed or cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// 1 for the first entry ever sealed; 0 when there is none.
    pub position: i64,
    /// The entry's hash.
    pub hash: Hash,
}

/// A text that is no `POSITION:HASH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an exported head has the form POSITION:HASH, a number and 64 hexadecimal digits")]
pub struct HeadError;

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.position, data_encoding::HEXLOWER.encode(&self.hash))
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let (position, hash) = text.trim().split_once(':').ok_or(HeadError)?;
        let hash = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.as_bytes()).map_err(|_| HeadError)?;
        let position = position.parse().ok().filter(|position| *position >= 0).ok_or(HeadError)?;
        Ok(Self { position, hash: hash.try_into().map_err(|_| HeadError)? })
    }
}

/// What seals an event's content after the entry with hash `previous`.
pub(crate) fn seal(previous: &Hash, content: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(content);
    context.finish().as_ref().try_into().expect("a SHA-256 has 32 bytes")
}

/// One entry of the chain as it is stored.
#[derive(Debug, Clone, diesel::QueryableByName)]
pub(crate) struct Sealed {
    #[diesel(sql_type = BigInt)]
    pub position: i64,
    /// None when somebody took it out.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub event_id: Option<i64>,
    #[diesel(sql_type = Binary)]
    pub hash: Vec<u8>,
    /// The event in PostgreSQL's binary format; None when it is gone.
    #[diesel(sql_type = Nullable<Binary>)]
    pub content: Option<Vec<u8>>,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tampering {
    /// Its content, or its hash, is not what was sealed.
    Changed,
    /// It is not there any more.
    Missing,
    /// Another entry is in its place.
    Reordered {
        /// Where the entry is that was sealed here.
        found_at: i64,
    },
    /// It was not there when those around it were sealed, or its seal was removed.
    Inserted,
    /// The log ends before the exported head.
    CutOff,
    /// The chain is whole, and not the one that the head was exported from.
    Rewritten,
}

impl Tampering {
    /// A word for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Reordered { .. } => "reordered",
            Self::Inserted => "inserted",
            Self::CutOff => "cut_off",
            Self::Rewritten => "rewritten",
        }
    }
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("its content or its hash was changed"),
            Self::Missing => f.write_str("it is missing"),
            Self::Reordered { found_at } => write!(f, "another entry is in its place; what was sealed here is now at {found_at}"),
            Self::Inserted => f.write_str("it was inserted among sealed ones, or its seal was removed"),
            Self::CutOff => f.write_str("it and all after it are missing: the log ends before the exported head"),
            Self::Rewritten => {
                f.write_str("it differs from the exported head: the log was rewritten up to here, or is another one")
            }
        }
    }
}

/// The first entry that is not as it was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadEntry {
    /// Its place in the chain; None for one that has none.
    pub position: Option<i64>,
    /// The event, where it is known.
    pub event_id: Option<i64>,
    /// What is wrong with it.
    pub tampering: Tampering,
}

/// Follows the chain entry by entry.
#[derive(Debug)]
pub(crate) struct Follower {
    /// The last good entry.
    pub last: Head,
    exported: Option<Head>,
}

impl Follower {
    /// From what comes before the first entry.
    pub fn new(start: Head, exported: Option<Head>) -> Result<Self, BadEntry> {
        let follower = Self { last: start, exported };
        follower.compare()?;
        Ok(follower)
    }

    /// Takes the next entry.
    pub fn follow(&mut self, sealed: &Sealed) -> Result<(), BadEntry> {
        let expected = self.last.position + 1;
        if sealed.position != expected {
            return Err(BadEntry { position: Some(expected), event_id: None, tampering: Tampering::Missing });
        }
        let bad = |tampering| BadEntry { position: Some(expected), event_id: sealed.event_id, tampering };
        let content = sealed.content.as_deref().ok_or_else(|| bad(Tampering::Missing))?;
        let hash = seal(&self.last.hash, content);
        if sealed.hash != hash {
            return Err(bad(Tampering::Changed));
        }
        self.last = Head { position: expected, hash };
        self.compare()
    }

    /// After the last entry.
    pub fn end(&self) -> Result<(), BadEntry> {
        let cut_off = self.exported.is_some_and(|exported| exported.position > self.last.position);
        let first = BadEntry { position: Some(self.last.position + 1), event_id: None, tampering: Tampering::CutOff };
        if cut_off { Err(first) } else { Ok(()) }
    }

    fn compare(&self) -> Result<(), BadEntry> {
        let differs =
            self.exported.is_some_and(|exported| exported.position == self.last.position && exported.hash != self.last.hash);
        let here = BadEntry { position: Some(self.last.position), event_id: None, tampering: Tampering::Rewritten };
        if differs { Err(here) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Head = Head { position: 0, hash: [0; 32] };

    /// An event as the description in the README says.
    fn content(id: i64, transaction: i64, kind: &str) -> Vec<u8> {
        let sized = |value: &[u8]| [&u32::try_from(value.len()).unwrap().to_be_bytes(), value].concat();
        let row = b"4d018e1f-1450-42dc-a975-cfdd7345f0eb";
        let key = [1_u32, 0, 25, 1, 1].iter().flat_map(|n| n.to_be_bytes()).chain(sized(row)).collect();
        // 2026-11-26T19:33:47.042531Z
        let micros = (1_795_721_627_i64 - 946_684_800) * 1_000_000 + 42_531;
        let columns: [(u32, Option<Vec<u8>>); 9] = [
            (20, Some(id.to_be_bytes().into())),
            (5069, Some(transaction.to_be_bytes().into())),
            (1184, Some(micros.to_be_bytes().into())),
            (25, Some(kind.into())),
            (25, Some("tag".into())),
            (1009, Some(key)),
            (3802, None),
            (3802, Some([&[1], r#"{"name": "ü"}"#.as_bytes()].concat())),
            (25, Some(" request-1 Save".into())),
        ];
        let mut record = 9_u32.to_be_bytes().to_vec();
        for (oid, value) in columns {
            record.extend(oid.to_be_bytes());
            record.extend(value.map_or_else(|| u32::MAX.to_be_bytes().to_vec(), |value| sized(&value)));
        }
        record
    }

    fn chain(n: i64) -> Vec<Sealed> {
        let mut last = START.hash;
        (1..=n)
            .map(|position| {
                let content = content(position * 10, 733, "update");
                last = seal(&last, &content);
                Sealed { position, event_id: Some(position * 10), hash: last.to_vec(), content: Some(content) }
            })
            .collect()
    }

    fn verdict(chain: &[Sealed], exported: Option<Head>) -> Result<Head, (i64, Tampering)> {
        let told = |bad: BadEntry| (bad.position.unwrap(), bad.tampering);
        let mut follower = Follower::new(START, exported).map_err(told)?;
        chain.iter().try_for_each(|sealed| follower.follow(sealed)).and_then(|()| follower.end()).map_err(told)?;
        Ok(follower.last)
    }

    fn head_of(chain: &[Sealed]) -> Head {
        let last = chain.last().unwrap();
        Head { position: last.position, hash: last.hash.clone().try_into().unwrap() }
    }

    /// The bytes are a promise to other verifiers: the figure was computed from what PostgreSQL 15 sends for such an event.
    #[test]
    fn what_is_hashed_is_what_the_description_says() {
        let hash = data_encoding::HEXLOWER.encode(&seal(&START.hash, &content(7, 733, "create")));
        assert_eq!(hash, "9e5fc1efbe3599d4a3c612705cc04ab026c4c4cc3bcf999bcafee422fb865146");
    }

    #[test]
    fn the_first_bad_entry_is_named() {
        let good = chain(5);
        assert_eq!(verdict(&good, None), Ok(head_of(&good)));

        let mut changed = good.clone();
        changed[2].content = Some(content(30, 734, "update"));
        assert_eq!(verdict(&changed, None), Err((3, Tampering::Changed)));

        let mut rehashed = changed.clone();
        rehashed[2].hash = seal(&head_of(&good[..2]).hash, rehashed[2].content.as_ref().unwrap()).to_vec();
        assert_eq!(verdict(&rehashed, None), Err((4, Tampering::Changed)), "the next one covers the hash");

        let mut gone = good.clone();
        gone[3].content = None;
        assert_eq!(verdict(&gone, None), Err((4, Tampering::Missing)));

        let mut gap = good;
        gap.remove(1);
        assert_eq!(verdict(&gap, None), Err((2, Tampering::Missing)));
    }

    #[test]
    fn an_exported_head_shows_what_the_chain_cannot() {
        let good = chain(5);
        let exported = Some(head_of(&good[..4]));
        assert!(verdict(&good, exported).is_ok(), "the log went on since");
        assert_eq!(verdict(&good[..3], exported), Err((4, Tampering::CutOff)));
        let mut last = START.hash;
        let rewritten: Vec<Sealed> = good
            .iter()
            .map(|sealed| {
                let content = content(sealed.event_id.unwrap(), 733, "delete");
                last = seal(&last, &content);
                Sealed { hash: last.to_vec(), content: Some(content), ..sealed.clone() }
            })
            .collect();
        assert!(verdict(&rewritten, None).is_ok());
        assert_eq!(verdict(&rewritten, exported), Err((4, Tampering::Rewritten)));
    }

    #[test]
    fn heads_are_read_as_they_are_written() {
        let head = head_of(&chain(2));
        assert_eq!(head.to_string().parse(), Ok(head));
        assert_eq!(format!("  {head}\n").parse(), Ok(head));
        for bad in ["", "2", "2:", "2:00", "x:00", &format!("-1:{}", "0".repeat(64)), &format!("{head}0")] {
            assert_eq!(bad.parse::<Head>(), Err(HeadError), "{bad}");
        }
    }
}
