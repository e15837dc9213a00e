//! Queries made from the schema.

use std::{collections::HashMap, fmt::Write};

use async_graphql::parser::{
    parse_schema,
    types::{
        BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
        TypeSystemDefinition,
    },
};

/// A field that is asked for, with what is asked for below it.
#[derive(Clone, Debug, Default)]
pub struct Sel {
    /// What it is called in the answer.
    key: String,
    /// What it is called in the schema, where that is something else.
    field: Option<String>,
    arguments: String,
    /// What it must be to have the field.
    on: Option<String>,
    /// Whether it is a thing, of which something is asked for.
    is_thing: bool,
    below: Vec<Sel>,
}

impl Sel {
    pub fn text(&self) -> String {
        let Self { key, field, arguments, on, is_thing, below } = self;
        let mut text = String::new();
        if let Some(on) = on {
            write!(text, "... on {on} {{ ").unwrap();
        }
        match field {
            Some(field) => write!(text, "{key}: {field}{arguments}").unwrap(),
            None => write!(text, "{key}{arguments}").unwrap(),
        }
        if *is_thing {
            let below: Vec<String> = below.iter().map(Self::text).collect();
            write!(text, " {{ __typename {} }}", below.join(" ")).unwrap();
        }
        if on.is_some() {
            text.push_str(" }");
        }
        text
    }

    /// Takes out what stands at a path. Whether it was there.
    pub fn without(&mut self, path: &[&str]) -> bool {
        let Some((first, rest)) = path.split_first() else { return false };
        if rest.is_empty() {
            let before = self.below.len();
            self.below.retain(|it| it.key != *first);
            return self.below.len() < before;
        }
        self.below.iter_mut().filter(|it| it.key == *first).any(|it| it.without(rest))
    }

    /// The same in parts that ask for less; none of what cannot be parted.
    pub fn halves(&self) -> Vec<Self> {
        match self.below.as_slice() {
            [] => Vec::new(),
            [one] => {
                let parts = one.halves().into_iter();
                parts.map(|it| Self { below: vec![it], ..self.clone() }).collect()
            }
            all => {
                let (one, two) = all.split_at(all.len() / 2);
                [one, two].map(|it| Self { below: it.to_vec(), ..self.clone() }).into()
            }
        }
    }
}

pub struct Schema {
    types: HashMap<String, TypeDefinition>,
    ids: Vec<String>,
    /// What is searched for.
    texts: Vec<String>,
}

impl Schema {
    pub fn new(ids: Vec<String>, texts: Vec<String>) -> Self {
        let document = parse_schema(api::schema::sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node)),
            _ => None,
        });
        Self { types: types.collect(), ids, texts }
    }

    /// What is asked of a root: each field with each choice of arguments, and below it so many things deep.
    pub fn roots(&self, root: &str, deep: usize) -> Vec<Sel> {
        let mut all = Vec::new();
        // Whoever signs out asks no more, and `nodes` is `node` several times.
        let is_kept =
            |it: &&FieldDefinition| !["signOut", "nodes"].contains(&it.name.node.as_str());
        for field in self.fields(root).into_iter().filter(is_kept) {
            let of = named(&field.ty.node);
            let mut choices = vec![Vec::new()];
            for argument in field.arguments.iter().map(|it| &it.node) {
                let values = self.choices(argument, of);
                let name = &argument.name.node;
                choices = choices
                    .iter()
                    .flat_map(|had: &Vec<String>| {
                        values.iter().map(move |it| {
                            let said = it.as_ref().map(|it| format!("{name}: {it}"));
                            had.iter().cloned().chain(said).collect()
                        })
                    })
                    .collect();
            }
            for arguments in choices {
                let (key, arguments) = (field.name.node.to_string(), in_brackets(&arguments));
                // Of an id only what it can be the id of.
                let member = arguments.split('"').nth(1).filter(|_| of == "Node");
                let member = member.and_then(|it| it.split('_').next()).map(upper);
                let below = match member {
                    Some(member) => self.member(&member, deep),
                    None => self.below(of, deep),
                };
                let is_thing = self.is_thing(of);
                all.push(Sel { key, arguments, is_thing, below, ..Sel::default() });
            }
        }
        all
    }

    fn fields(&self, of: &str) -> Vec<&FieldDefinition> {
        let fields = match self.types.get(of).map(|it| &it.kind) {
            Some(TypeKind::Object(it)) => &it.fields,
            Some(TypeKind::Interface(it)) => &it.fields,
            _ => return Vec::new(),
        };
        fields.iter().map(|it| &it.node).collect()
    }

    /// All that a type has, as deep as that.
    fn below(&self, of: &str, deep: usize) -> Vec<Sel> {
        let members: Vec<String> = match self.types.get(of).map(|it| &it.kind) {
            Some(TypeKind::Union(it)) => it.members.iter().map(|it| it.node.to_string()).collect(),
            Some(TypeKind::Interface(_)) => self
                .types
                .values()
                .filter(|it| {
                    matches!(&it.kind, TypeKind::Object(it) if it.implements.iter().any(|it| it.node == of))
                })
                .map(|it| it.name.node.to_string())
                .collect(),
            _ => {
                return self.own(of, deep);
            }
        };
        members.iter().flat_map(|it| self.member(it, deep)).collect()
    }

    fn is_thing(&self, of: &str) -> bool {
        use TypeKind::{Interface, Object, Union};
        matches!(self.types.get(of).map(|it| &it.kind), Some(Object(_) | Interface(_) | Union(_)))
    }

    /// What one of several types has.
    fn member(&self, member: &str, deep: usize) -> Vec<Sel> {
        // Fields of one name are of other types elsewhere.
        let named = |it: Sel| Sel {
            key: format!("{member}_{}", it.key),
            field: Some(it.key),
            on: Some(member.to_owned()),
            ..it
        };
        self.own(member, deep).into_iter().map(named).collect()
    }

    fn own(&self, of: &str, deep: usize) -> Vec<Sel> {
        let is_list = of.ends_with("Connection") || of.ends_with("Edge") || of.ends_with("Payload");
        let mut all = Vec::new();
        let fields = self.fields(of);
        let has_nodes = fields.iter().any(|it| it.name.node == "nodes");
        for field in fields.iter().filter(|it| !(has_nodes && it.name.node == "edges")) {
            let Some(arguments) = self.first_choice(field) else { continue };
            let (key, arguments) = (field.name.node.to_string(), in_brackets(&arguments));
            let inner = named(&field.ty.node);
            let is_thing = self.is_thing(inner);
            if is_thing && !is_list && deep == 0 {
                continue;
            }
            let below = if is_thing {
                self.below(inner, if is_list { deep } else { deep - 1 })
            } else {
                Vec::new()
            };
            all.push(Sel { key, arguments, is_thing, below, ..Sel::default() });
        }
        all
    }

    /// Arguments with which a field below can be asked for, if there are any.
    fn first_choice(&self, field: &FieldDefinition) -> Option<Vec<String>> {
        let mut said = Vec::new();
        for argument in field.arguments.iter().map(|it| &it.node) {
            let values = self.choices(argument, named(&field.ty.node));
            if let Some(it) = values.into_iter().next()? {
                said.push(format!("{}: {it}", argument.name.node));
            }
        }
        Some(said)
    }

    /// What an argument may be; None where it is left out.
    fn choices(&self, argument: &InputValueDefinition, of: &str) -> Vec<Option<String>> {
        let (name, ty) = (argument.name.node.as_str(), &argument.ty.node);
        let is_needed = !ty.nullable && argument.default_value.is_none();
        if name == "first" {
            return vec![Some("3".to_owned())];
        }
        if name == "filter" && self.is_searched(named(ty)) {
            return vec![Some(format!("{{ search: {:?} }}", self.texts[1]))];
        }
        let is_search = ["search", "text"].contains(&name);
        if !is_needed && !is_search && !name.ends_with("Id") {
            return vec![None];
        }
        let mut values: Vec<_> = self.values(name, ty, of).into_iter().map(Some).collect();
        if !is_needed {
            values.insert(0, None);
        }
        values
    }

    fn is_searched(&self, filter: &str) -> bool {
        matches!(self.types.get(filter).map(|it| &it.kind), Some(TypeKind::InputObject(it))
            if it.fields.iter().any(|it| it.node.name.node == "search"))
    }

    fn values(&self, name: &str, ty: &Type, of: &str) -> Vec<String> {
        let quoted = |it: &String| format!("{it:?}");
        let base = match &ty.base {
            BaseType::List(_) if name == "ids" => {
                return self.ids.chunks(10).map(|it| format!("{it:?}")).collect();
            }
            BaseType::List(of_each) => {
                let each = self.values(name, of_each, of);
                return each.first().map(|it| format!("[{it}]")).into_iter().collect();
            }
            BaseType::Named(name) => name.as_str(),
        };
        match base {
            "ID" => {
                // `node` is for everything, any other field for what it is called after.
                let kind = name.strip_suffix("Id").filter(|it| !it.is_empty());
                let kind = kind.map_or_else(|| lower(of), str::to_owned);
                let fits = |it: &&String| of == "Node" || it.split('_').next() == Some(&kind);
                self.ids.iter().filter(fits).map(quoted).collect()
            }
            "String" if ["search", "text"].contains(&name) => {
                self.texts.iter().map(quoted).collect()
            }
            "String" => vec!["\"某某\"".to_owned()],
            "Int" => vec!["2026".to_owned()],
            "Float" => vec!["1.0".to_owned()],
            "Boolean" => vec!["true".to_owned()],
            "Date" | "NaiveDate" => vec!["\"2026-11-01\"".to_owned()],
            "DateTime" => vec!["\"2026-11-01T01:00:00Z\"".to_owned()],
            "UUID" => vec!["\"0192f0c2-8c1e-7abc-8def-001380013567\"".to_owned()],
            _ => match self.types.get(base).map(|it| &it.kind) {
                Some(TypeKind::Enum(it)) => {
                    it.values.iter().take(1).map(|it| it.node.value.node.to_string()).collect()
                }
                Some(TypeKind::InputObject(it)) => self.inputs(&it.fields, of),
                _ => Vec::new(),
            },
        }
    }

    /// What an input object may be: of each of its ids the choices, of all else the first that is needed.
    fn inputs(
        &self,
        fields: &[async_graphql::Positioned<InputValueDefinition>],
        of: &str,
    ) -> Vec<String> {
        let mut most: Vec<String> = vec![String::new()];
        for field in fields.iter().map(|it| &it.node) {
            let name = field.name.node.as_str();
            let is_needed = !field.ty.node.nullable && field.default_value.is_none();
            if !is_needed && !name.ends_with("Id") {
                continue;
            }
            let values = self.values(name, &field.ty.node, of);
            if values.is_empty() {
                if is_needed {
                    return Vec::new();
                }
                continue;
            }
            // Each id once is enough: not each with each.
            most = (0..most.len().max(values.len()))
                .map(|nth| {
                    let had = &most[nth % most.len()];
                    format!("{had}{name}: {} ", values[nth % values.len()])
                })
                .collect();
        }
        most.into_iter().map(|it| format!("{{ {it}}}")).collect()
    }
}

fn named(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(of) => named(of),
    }
}

fn in_brackets(arguments: &[String]) -> String {
    if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) }
}

fn upper(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |it| it.to_uppercase().chain(letters).collect())
}

fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |it| it.to_lowercase().chain(letters).collect())
}
