//! The header fields of a request that hold placeholders.

use http::header::{HeaderMap, HeaderName};

use crate::name::{self, QualifiedName};
use crate::request::basic;
use crate::request::hop;
use crate::request::placeholder::Template;

/// Placeholders that one request may hold. With [`crate::secrets::secret::VALUE_BYTES_MAX`] it bounds how far a
/// request can grow, to 512 KiB, whatever the values are: a bound on the outcome would reveal the length of a
/// value to a client that tries many sizes.
pub const PLACEHOLDERS_MAX: usize = 32;

/// The fields of one request that hold placeholders. Never empty.
#[derive(Clone, Debug)]
pub struct Fields {
    fields: Vec<Field>,
    /// Whether the request holds more placeholders than it may: then not all are in `fields`.
    too_many: bool,
}

/// One value of a field that holds placeholders.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: HeaderName,
    /// Which of the values under this name, from 0.
    pub(crate) nth: usize,
    pub(crate) encoding: Encoding,
    pub(crate) template: Template,
}

/// How the text with the placeholders is written in the field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Encoding {
    Plain,
    /// As the credentials of `Authorization: Basic`.
    Basic,
}

/// Why placeholders are refused before any secret is looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Misplaced {
    /// More than [`PLACEHOLDERS_MAX`].
    TooMany,
    /// One in this field, which routes or frames the request, or which `Connection` names.
    RoutingField(HeaderName),
}

impl Fields {
    /// Finds the fields with placeholders; `None` if there are none.
    pub fn scan(headers: &HeaderMap) -> Option<Self> {
        let mut fields: Vec<Field> = Vec::new();
        let (mut previous, mut nth, mut placeholders) = (None, 0, 0);
        for (name, value) in headers {
            // The map gives the values of one name one after the other.
            nth = if previous == Some(name) { nth + 1 } else { 0 };
            previous = Some(name);
            if let Some((encoding, template)) = scan_value(name, value.as_bytes()) {
                placeholders += template.names().count();
                fields.push(Field { name: name.clone(), nth, encoding, template });
            }
            if placeholders > PLACEHOLDERS_MAX {
                break;
            }
        }
        (!fields.is_empty()).then_some(Self { fields, too_many: placeholders > PLACEHOLDERS_MAX })
    }

    /// Checks the number of placeholders and the fields that they stand in. `headers` are those that were scanned.
    ///
    /// # Errors
    /// There are too many, or the first field that must not hold one.
    pub fn check_places(&self, headers: &HeaderMap) -> Result<(), Misplaced> {
        if self.too_many {
            return Err(Misplaced::TooMany);
        }
        let connection = hop::named_by_connection(headers);
        match self.fields.iter().find(|field| hop::is_routing(&field.name) || connection.contains(&field.name)) {
            Some(field) => Err(Misplaced::RoutingField(field.name.clone())),
            None => Ok(()),
        }
    }

    /// The names that the placeholders ask for, each once, in order.
    pub fn names(&self) -> Vec<QualifiedName> {
        let mut names: Vec<QualifiedName> = Vec::new();
        for name in self.distinct().into_iter().filter_map(|name| QualifiedName::parse(name.as_bytes())) {
            // The default namespace may be written or left out.
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// The words for the namespaces that they ask for, each once, in order; none stands for the default one.
    pub fn namespaces(&self) -> Vec<Option<&str>> {
        let mut namespaces: Vec<Option<&str>> = Vec::new();
        for text in self.fields.iter().flat_map(|field| field.template.names()).take(PLACEHOLDERS_MAX) {
            let (namespace, _) = name::split(text);
            if !namespaces.contains(&namespace) {
                namespaces.push(namespace);
            }
        }
        namespaces
    }

    /// The same as text. If there are too many, these are not all.
    pub(crate) fn distinct(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.fields.iter().flat_map(|field| field.template.names()).take(PLACEHOLDERS_MAX) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether the request holds more placeholders than it may.
    pub(crate) fn too_many(&self) -> bool {
        self.too_many
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter()
    }
}

fn scan_value(name: &HeaderName, value: &[u8]) -> Option<(Encoding, Template)> {
    if let Some(template) = Template::scan(value) {
        return Some((Encoding::Plain, template));
    }
    let credentials = basic::decode(name, value)?;
    Template::scan(&credentials).map(|template| (Encoding::Basic, template))
}
