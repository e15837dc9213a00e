//! Documents made from the schema: whole ones, to walk over all there is, and random ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{
            BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
            TypeSystemDefinition,
        },
    },
};

/// The types of the schema by their names.
pub struct Grammar(BTreeMap<String, TypeDefinition>);

/// The name of a type, without lists and exclamation marks.
pub fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => base(inner),
    }
}

impl Grammar {
    pub fn new() -> Self {
        let document = parse_schema(api::schema::sdl()).unwrap();
        let types = document.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node)),
            TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
        });
        Self(types.collect())
    }

    pub fn types(&self) -> impl Iterator<Item = &TypeDefinition> {
        self.0.values()
    }

    pub fn kind(&self, name: &str) -> Option<&TypeKind> {
        self.0.get(name).map(|it| &it.kind)
    }

    /// The fields of an object or an interface.
    pub fn fields(&self, name: &str) -> &[Positioned<FieldDefinition>] {
        match self.kind(name) {
            Some(TypeKind::Object(it)) => &it.fields,
            Some(TypeKind::Interface(it)) => &it.fields,
            _ => &[],
        }
    }

    pub fn inputs(&self, name: &str) -> &[Positioned<InputValueDefinition>] {
        match self.kind(name) {
            Some(TypeKind::InputObject(it)) => &it.fields,
            _ => &[],
        }
    }

    /// Whether something must be selected of a type.
    pub fn is_composite(&self, name: &str) -> bool {
        matches!(
            self.kind(name),
            Some(TypeKind::Object(_) | TypeKind::Interface(_) | TypeKind::Union(_))
        )
    }

    /// The objects that a thing of an interface or a union may be.
    pub fn possible(&self, name: &str) -> Vec<&str> {
        match self.kind(name) {
            Some(TypeKind::Interface(_)) => self
                .types()
                .filter(|it| match &it.kind {
                    TypeKind::Object(it) => it.implements.iter().any(|it| it.node == name),
                    _ => false,
                })
                .map(|it| it.name.node.as_str())
                .collect(),
            Some(TypeKind::Union(it)) => it.members.iter().map(|it| it.node.as_str()).collect(),
            _ => vec![],
        }
    }

    /// The objects that queries lead to.
    pub fn readable(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next = vec!["Query"];
        while let Some(name) = next.pop() {
            if found.insert(name) {
                next.extend(self.possible(name));
                next.extend(self.fields(name).iter().map(|it| base(&it.node.ty.node)));
            }
        }
        found
    }

    /// The selections by which all of a type is read, `depth` objects deep. What must be given an argument is left out
    /// unless `arguments` knows one. There is one selection for each field, so that they can be sent apart.
    pub fn whole(
        &self,
        ty: &str,
        depth: usize,
        arguments: &impl Fn(&str, &FieldDefinition) -> Option<String>,
    ) -> Vec<String> {
        let mut plain = "__typename".to_owned();
        let mut all = Vec::new();
        for field in self.fields(ty).iter().map(|it| &it.node) {
            let needed = field
                .arguments
                .iter()
                .any(|it| !it.node.ty.node.nullable && it.node.default_value.is_none());
            let given = arguments(ty, field);
            if needed && given.is_none() {
                continue;
            }
            let given = given.map(|it| format!("({it})")).unwrap_or_default();
            let (name, of) = (&field.name.node, base(&field.ty.node));
            if !self.is_composite(of) {
                write!(plain, " {name}{given}").unwrap();
            } else if let Some(node) = of.strip_suffix("Connection") {
                if depth > 0 {
                    let inner = self.whole(node, depth - 1, arguments).join(" ");
                    all.push(format!("{name}{given} {{ nodes {{ {inner} }} }}"));
                }
            } else if depth > 0 {
                let mut inner = self.whole(of, depth - 1, arguments).join(" ");
                for object in self.possible(of) {
                    let more = self.whole(object, depth - 1, arguments).join(" ");
                    write!(inner, " ... on {object} {{ {more} }}").unwrap();
                }
                all.push(format!("{name}{given} {{ {inner} }}"));
            }
        }
        all.insert(0, plain);
        all
    }
}
