//! Which settings a type has, found by asking its `Deserialize` implementation.
//!
//! Without this, a variable could only set what the default file already holds, and optional settings have no default. The
//! derived implementation of a struct tells its deserializer the names of its fields; a probe walks them one path at a time,
//! records what it meets at the end of the path, and then fails on purpose.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, Visitor};

/// The path of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    segments: Vec<&'static str>,
    is_list: bool,
}

impl Key {
    /// As in `FREEHOLD_` + `POOL__MAX_CONNECTIONS`.
    pub(super) fn variable(&self) -> String {
        self.segments.join("__").to_uppercase()
    }

    /// As in the file: `pool.max_connections`.
    pub(super) fn path(&self) -> String {
        self.segments.join(".")
    }

    pub(super) fn is_list(&self) -> bool {
        self.is_list
    }
}

/// Every setting of `T`. Structs inside lists and maps have no variable of their own.
pub(super) fn known_keys<T: DeserializeOwned>() -> Vec<Key> {
    let mut keys = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(segments) = open.pop() {
        match shape_at::<T>(&segments) {
            Some(Shape::Struct(fields)) => open.extend(fields.iter().rev().map(|field| {
                let mut path = segments.clone();
                path.push(*field);
                path
            })),
            Some(Shape::List) => keys.push(Key { segments, is_list: true }),
            Some(Shape::Value) if !segments.is_empty() => keys.push(Key { segments, is_list: false }),
            Some(Shape::Value) | None => {}
        }
    }
    keys
}

#[derive(Clone, Copy)]
enum Shape {
    Struct(&'static [&'static str]),
    List,
    Value,
}

fn shape_at<T: DeserializeOwned>(path: &[&'static str]) -> Option<Shape> {
    let found = RefCell::new(None);
    // Always an error: the probe never gives a value.
    let _ = T::deserialize(Probe { path, found: &found });
    found.into_inner()
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [&'static str],
    found: &'a RefCell<Option<Shape>>,
}

impl Probe<'_> {
    fn end<T>(self, shape: Shape) -> Result<T, Done> {
        if self.path.is_empty() {
            *self.found.borrow_mut() = Some(shape);
        }
        Err(Done)
    }
}

/// The probe's only outcome.
#[derive(Debug)]
struct Done;

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("probed")
    }
}

impl std::error::Error for Done {}

impl de::Error for Done {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Done
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Done;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Done> {
        self.end(Shape::Value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Done> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Done> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Done> {
        self.end(Shape::List)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Done> {
        match self.path.split_first() {
            None => self.end(Shape::Struct(fields)),
            Some((field, rest)) => {
                visitor.visit_map(OneField { field: Some(field), rest: Probe { path: rest, found: self.found } })
            }
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map enum identifier ignored_any
    }
}

struct OneField<'a> {
    field: Option<&'static str>,
    rest: Probe<'a>,
}

impl<'de> MapAccess<'de> for OneField<'_> {
    type Error = Done;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Done> {
        self.field.take().map(|field| seed.deserialize(de::value::StrDeserializer::new(field))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Done> {
        seed.deserialize(self.rest)
    }
}
