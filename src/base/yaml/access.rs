//! Lists, maps and variants of a [`Node`](super::tree::Node) for serde: skip what was taken out, note unknown keys with
//! the nearest known one, and stand in for missing keys so that every missing one is found.

use serde::de::{self, IntoDeserializer};

use super::fault::Error;
use super::mistake::{Mistake, guards_secret, nearest, quoted};
use super::reader::{At, id, same_as};
use super::tree::{Key, Node};

/// Items of a list that were not taken out.
pub(super) struct Items<'a, 'n, 'c, 'm> {
    at: &'a At<'n, 'c, 'm>,
    items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
}

impl<'a, 'n, 'c, 'm> Items<'a, 'n, 'c, 'm> {
    pub fn new(at: &'a At<'n, 'c, 'm>, items: &'n [Node]) -> Self {
        Self { at, items: items.iter().enumerate() }
    }
}

impl<'de> de::SeqAccess<'de> for Items<'_, '_, '_, '_> {
    type Error = Error;
    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((nth, node)) = self.items.find(|(_, node)| !self.at.removed(node)) else { return Ok(None) };
        let at = self.at.child(node, None, &format!("[{nth}]"));
        seed.deserialize(at.clone()).map(Some).map_err(|error| error.at(&at))
    }
}

/// Entries of a map: of any (`fields` is `None`), or of a struct with these keys.
pub(super) struct Entries<'a, 'n, 'c, 'm> {
    at: &'a At<'n, 'c, 'm>,
    entries: std::slice::Iter<'n, (Key, Node)>,
    fields: Option<&'static [&'static str]>,
    next: Option<&'n (Key, Node)>,
    phantoms: Vec<&'static str>,
}

impl<'a, 'n, 'c, 'm> Entries<'a, 'n, 'c, 'm> {
    pub fn new(at: &'a At<'n, 'c, 'm>, entries: &'n [(Key, Node)], fields: Option<&'static [&'static str]>) -> Self {
        let phantoms = at.cx.borrow().phantoms.get(&id(at.node)).cloned().unwrap_or_default();
        Self { at, entries: entries.iter(), fields, next: None, phantoms }
    }

    /// What became of a struct: a missing key is noted, unless it was taken out or misspelt; then the struct is read
    /// once more with a phantom in its place, and taken out in the end.
    pub fn judge<T>(at: &At<'n, 'c, 'm>, entries: &[(Key, Node)], read: Result<T, Error>) -> Result<T, Error> {
        let number = id(at.node);
        let doomed = at.cx.borrow().phantoms.contains_key(&number);
        let error = match read {
            Ok(_) if doomed => return Err(Error::silent(at)),
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        let missing = error.missing.filter(|_| !error.placed());
        let Some(name) = missing else {
            let consequence = doomed && (!error.placed() || error.blames(at.node));
            return Err(if consequence { Error::silent(at) } else { error.at(at) });
        };
        let taken_out = entries.iter().any(|(key, node)| key.text == name && at.removed(node));
        let cx = &mut *at.cx.borrow_mut();
        if !taken_out && !cx.meant.contains(&(number, name)) {
            cx.mistakes.note(Mistake {
                place: Some(at.key.unwrap_or(at.node.place)),
                path: at.path.clone(),
                text: format!("the key {} is missing", quoted(name)),
                secret: true,
            });
        }
        let phantoms = cx.phantoms.entry(number).or_default();
        if phantoms.contains(&name) {
            return Err(Error::silent(at));
        }
        phantoms.push(name);
        Err(Error::again(at))
    }

    /// Notes a key that the struct does not know, and takes it out.
    fn unknown(at: &At<'n, 'c, 'm>, (key, node): &'n (Key, Node), fields: &'static [&'static str]) {
        let twin = ["_file", "_env"].iter().find_map(|end| {
            let stem = key.text.strip_suffix(end)?;
            Some((fields.iter().find(|field| **field == stem)?, &end[1..]))
        });
        let near = nearest(&key.text, fields.iter().copied());
        let near = near.and_then(|near| fields.iter().find(|field| **field == near));
        let known = || fields.join(", ");
        let text = match (twin, near) {
            (Some((stem, form)), _) => format!("write `{stem}: {{ {form}: … }}`"),
            (None, Some(near)) => format!("unknown key. Did you mean {}? Known here: {}", quoted(near), known()),
            (None, None) if fields.is_empty() => "unknown key; none is known here".into(),
            (None, None) => format!("unknown key. Known here: {}", known()),
        };
        let child = at.child(node, Some(key.place), &key.text);
        let cx = &mut *at.cx.borrow_mut();
        let meant = twin.map(|(stem, _)| stem).or(near);
        cx.meant.extend(meant.map(|field| (id(at.node), *field)));
        cx.removed.insert(id(node));
        let secret = child.secret || guards_secret(&key.text);
        cx.mistakes.note(Mistake { place: Some(key.place), path: child.path, text, secret });
    }
}

impl<'de> de::MapAccess<'de> for Entries<'_, '_, '_, '_> {
    type Error = Error;
    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        for entry in self.entries.by_ref() {
            let (key, node) = entry;
            if self.at.removed(node) {
                continue;
            }
            match self.fields {
                Some(fields) if !fields.contains(&key.text.as_str()) => {
                    Entries::unknown(self.at, entry, fields);
                }
                _ => {
                    self.next = Some(entry);
                    return seed.deserialize(key.text.as_str().into_deserializer()).map(Some);
                }
            }
        }
        self.next = None;
        match self.phantoms.last() {
            Some(name) => seed.deserialize((*name).into_deserializer()).map(Some),
            None => Ok(None),
        }
    }
    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, node)) = self.next else {
            self.phantoms.pop();
            return seed.deserialize(Phantom).map_err(|_| Error::silent(self.at));
        };
        let at = self.at.child(node, Some(key.place), &key.text);
        seed.deserialize(at.clone()).map_err(|error| error.at(&at))
    }
}

/// One variant of an enum: a word alone, or a map with one key.
pub(super) struct Variant<'a, 'n, 'c, 'm> {
    pub variant: &'static str,
    pub content: Option<At<'n, 'c, 'm>>,
    pub at: &'a At<'n, 'c, 'm>,
}

impl<'a, 'de, 'n, 'c, 'm> de::EnumAccess<'de> for Variant<'a, 'n, 'c, 'm> {
    type Error = Error;
    type Variant = Self;
    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(self.variant.into_deserializer())?, self))
    }
}

impl<'n, 'c, 'm> Variant<'_, 'n, 'c, 'm> {
    fn filled(self) -> Result<At<'n, 'c, 'm>, Error> {
        let form = format!("a value is missing: write {{ {}: … }}", self.variant);
        self.content.ok_or_else(|| <Error as de::Error>::custom(form).at(self.at))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, '_, '_, '_> {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        match self.content {
            Some(at) if !at.node.is_null() => {
                let text = format!("this form takes no value: write {} alone", self.variant);
                Err(<Error as de::Error>::custom(text).at(self.at))
            }
            _ => Ok(()),
        }
    }
    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let at = self.filled()?;
        seed.deserialize(at.clone()).map_err(|error| error.at(&at))
    }
    fn tuple_variant<V: de::Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_tuple(self.filled()?, length, visitor)
    }
    fn struct_variant<V: de::Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let name = self.variant;
        de::Deserializer::deserialize_struct(self.filled()?, name, fields, visitor)
    }
}

/// Stands in for a missing key: gives whatever is asked for. What is read with it is thrown away.
struct Phantom;

impl<'de> de::Deserializer<'de> for Phantom {
    type Error = Error;
    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str("")
    }
    fn deserialize_bool<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(false)
    }
    fn deserialize_u64<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(0)
    }
    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_none()
    }
    fn deserialize_newtype_struct<V: de::Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_seq(de::value::SeqDeserializer::<_, Error>::new(std::iter::empty::<()>()))
    }
    fn deserialize_map<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(de::value::MapDeserializer::<_, Error>::new(std::iter::empty::<((), ())>()))
    }
    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(PhantomVariant(variants.first().copied().unwrap_or_default()))
    }
    same_as! { deserialize_u64: deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8
    deserialize_u16 deserialize_u32 deserialize_f32 deserialize_f64 }
    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple tuple_struct struct
        identifier ignored_any
    }
}

struct PhantomVariant(&'static str);

impl<'de> de::EnumAccess<'de> for PhantomVariant {
    type Error = Error;
    type Variant = Self;
    fn variant_seed<V: de::DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(self.0.into_deserializer())?, self))
    }
}

impl<'de> de::VariantAccess<'de> for PhantomVariant {
    type Error = Error;
    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }
    fn newtype_variant_seed<T: de::DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(Phantom)
    }
    fn tuple_variant<V: de::Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_seq(Phantom, visitor)
    }
    fn struct_variant<V: de::Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_map(Phantom, visitor)
    }
}
