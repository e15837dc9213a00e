//! The schema is the API's manual: complete, in one style, and committed.

use std::{collections::BTreeMap, path::Path};

use async_graphql::{
    Positioned,
    parser::{
        parse_schema,
        types::{FieldDefinition, TypeDefinition, TypeKind, TypeSystemDefinition},
    },
};

fn types() -> Vec<TypeDefinition> {
    let document = parse_schema(api::schema::sdl()).unwrap();
    let types = document.definitions.into_iter().filter_map(|it| match it {
        TypeSystemDefinition::Type(it) => Some(it.node),
        TypeSystemDefinition::Schema(_) | TypeSystemDefinition::Directive(_) => None,
    });
    types.collect()
}

fn fields(of: &TypeDefinition) -> &[Positioned<FieldDefinition>] {
    match &of.kind {
        TypeKind::Object(it) => &it.fields,
        TypeKind::Interface(it) => &it.fields,
        _ => &[],
    }
}

#[test]
fn the_committed_schema_is_the_schema() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema.graphql");
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == api::schema::sdl(),
        "schema.graphql is stale: cargo run -q -p api --bin qinglan -- schema > schema.graphql"
    );
}

/// Arguments that mean the same everywhere: what a connection says of itself, an id, and what a mutation takes.
const PLAIN: &[&str] = &["first", "after", "last", "before", "filter", "id", "input"];

#[test]
fn everything_is_described() {
    let mut bare = Vec::new();
    for it in types() {
        let of = it.name.node.as_str();
        let mut look = |described: bool, what: &str| {
            if !described {
                bare.push(format!("{of}{what}"));
            }
        };
        look(it.description.is_some(), "");
        for field in fields(&it).iter().map(|it| &it.node) {
            look(field.description.is_some(), &format!(".{}", field.name.node));
            for argument in field.arguments.iter().map(|it| &it.node) {
                let plain = PLAIN.contains(&argument.name.node.as_str());
                let path = format!(".{}({})", field.name.node, argument.name.node);
                look(plain || argument.description.is_some(), &path);
            }
        }
        match &it.kind {
            TypeKind::Enum(it) => {
                for value in it.values.iter().map(|it| &it.node) {
                    look(value.description.is_some(), &format!(".{}", value.value.node));
                }
            }
            TypeKind::InputObject(it) => {
                for field in it.fields.iter().map(|it| &it.node) {
                    look(field.description.is_some(), &format!(".{}", field.name.node));
                }
            }
            _ => {}
        }
    }
    assert!(bare.is_empty(), "not described: {bare:#?}");
}

#[test]
fn mutations_are_of_one_form() {
    let all: BTreeMap<String, TypeDefinition> =
        types().into_iter().map(|it| (it.name.node.to_string(), it)).collect();
    for mutation in fields(&all["Mutation"]).iter().map(|it| &it.node) {
        let name = mutation.name.node.as_str();
        let verb = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        assert_eq!(mutation.ty.node.to_string(), format!("{verb}Payload!"), "{name}");
        let arguments: Vec<String> = mutation
            .arguments
            .iter()
            .map(|it| format!("{}: {}", it.node.name.node, it.node.ty.node))
            .collect();
        // What somebody does to their own account alone takes nothing.
        if !["signOut", "endOtherSignIns", "enrolSecondFactor"].contains(&name) {
            assert_eq!(arguments, [format!("input: {verb}Input!")], "{name}");
        }

        for field in fields(&all[&format!("{verb}Payload")]).iter().map(|it| &it.node) {
            let (field, ty) = (field.name.node.as_str(), field.ty.node.to_string());
            if field == "userErrors" {
                assert!(
                    ty.starts_with('[') && ty.ends_with("UserError!]!"),
                    "{name}.{field}: {ty}"
                );
                let error = &all[ty.trim_matches(['[', ']', '!'])];
                let parts: Vec<String> = fields(error)
                    .iter()
                    .map(|it| format!("{}: {}", it.node.name.node, it.node.ty.node))
                    .collect();
                assert!(
                    parts[0].starts_with("code: ") && parts[0].ends_with("ErrorCode!"),
                    "{parts:?}"
                );
                assert_eq!(parts[1..], ["message: String!", "path: [String!]!"]);
            } else {
                assert!(
                    !ty.ends_with('!') || ty == "Boolean!",
                    "{name}.{field} is {ty}: what a mutation gives is nullable"
                );
            }
        }
    }
}

#[test]
fn root_fields_that_give_one_thing_are_nullable_and_lists_are_not() {
    for it in types() {
        for field in fields(&it).iter().map(|it| &it.node) {
            let ty = field.ty.node.to_string();
            let what = format!("{}.{}: {ty}", it.name.node, field.name.node);
            if ty.starts_with('[') {
                // `nodes` has a null for each that is not to be seen.
                // What a mutation gives is null where it was refused.
                let is_given = it.name.node.ends_with("Payload") && ty.ends_with("!]");
                let form = ty.ends_with("!]!") || (ty == "[Node]!") || is_given;
                assert!(form, "{what} is no list of things without gaps");
            } else if it.name.node == "Query" {
                assert_eq!(ty.ends_with('!'), ty.ends_with("Connection!"), "{what}");
            }
        }
    }
}

#[test]
fn lists_are_connections() {
    for it in types().iter().filter(|it| it.name.node.ends_with("Connection")) {
        let names: Vec<&str> = fields(it).iter().map(|it| it.node.name.node.as_str()).collect();
        assert_eq!(names, ["pageInfo", "edges", "nodes"], "{}", it.name.node);
    }
    for it in types() {
        for field in fields(&it).iter().map(|it| &it.node) {
            if field.ty.node.to_string().ends_with("Connection!") {
                let four: Vec<&str> =
                    field.arguments.iter().take(4).map(|it| it.node.name.node.as_str()).collect();
                assert_eq!(
                    four,
                    ["first", "after", "last", "before"],
                    "{}.{}",
                    it.name.node,
                    field.name.node
                );
            }
        }
    }
}
