//! What a document may ask before anything of it is executed.
//!
//! Async-graphql expands every spread again, so a few hundred bytes of nested fragments keep it busy for hours. Here
//! the expansion is counted instead, each fragment once, which is linear in the document.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned, Value, Variables,
    parser::types::{
        Directive, DocumentOperations, ExecutableDocument, Field, FragmentDefinition,
        OperationDefinition, OperationType, Selection, SelectionSet,
    },
};

use super::rate;
use crate::schema;

/// The longest document, in bytes.
pub(super) const LONGEST: usize = 20 * 1024;
const MOST_SELECTIONS: usize = 1_000;
const MOST_ALIASES: usize = 30;
const MOST_DIRECTIVES: usize = 5;
const MOST_MUTATIONS: usize = 10;
const MOST_ROOTS: usize = 30;
const MOST_OPERATIONS: usize = 10;
/// How deep selections and fragments may nest; async-graphql's own limit, kept before anything walks that deep.
const DEEPEST: usize = 32;
/// How often a schema's lists may be asked for within each other: as often as the standard introspection query does.
const MOST_SCHEMA_LISTS: usize = 2;

/// Why a document is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Selections,
    Depth,
    Cost,
    Aliases,
    Directives,
    Mutations,
    Roots,
    Operations,
    SchemaLists,
    FragmentCycle,
}

impl Excess {
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::FragmentCycle => "GRAPHQL_VALIDATION_FAILED",
            _ => "QUERY_TOO_COMPLEX",
        }
    }

    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Selections => {
                ("一个操作最多选取1000个字段", "the operation selects more than 1000 fields")
            }
            Self::Depth => ("查询嵌套过深", "selections or fragments nest too deep"),
            Self::Cost => (
                "查询过于复杂：请减少字段或每页条数",
                "the query is too complex: ask for fewer fields or smaller pages",
            ),
            Self::Aliases => {
                ("一个操作最多使用30个别名", "the operation uses more than 30 aliases")
            }
            Self::Directives => ("一处最多5个指令", "more than 5 directives in one place"),
            Self::Mutations => ("一个操作最多更改10次", "the operation has more than 10 mutations"),
            Self::Roots => ("一个操作最多30个根字段", "the operation has more than 30 root fields"),
            Self::Operations => {
                ("一个文档最多10个操作", "the document has more than 10 operations")
            }
            Self::SchemaLists => ("内省嵌套过深", "introspection nests too deep"),
            Self::FragmentCycle => ("片段引用了自身", "a fragment spreads itself"),
        }
    }
}

/// How much a selection comes to once all is spread.
#[derive(Clone, Copy, Default)]
struct Size {
    /// Fields, and spreads too: async-graphql walks into a spread even if nothing is in it.
    selections: usize,
    aliases: usize,
    /// As [`schema::list_cost`] has it. Async-graphql counts a list once where it is selected on an interface; here it is
    /// told by its arguments, or by its `nodes` or `edges`, whatever it is selected on.
    cost: usize,
}

impl Size {
    fn add(&mut self, other: Self) -> Result<(), Excess> {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.cost = self.cost.saturating_add(other.cost);
        if self.selections > MOST_SELECTIONS {
            Err(Excess::Selections)
        } else if self.aliases > MOST_ALIASES {
            Err(Excess::Aliases)
        } else if self.cost > schema::DEAREST {
            Err(Excess::Cost)
        } else {
            Ok(())
        }
    }
}

/// The operation that a request means, if that is clear.
pub(super) fn operation<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<&'a Positioned<OperationDefinition>> {
    match (&document.operations, name) {
        (DocumentOperations::Single(only), None) => Some(only),
        (DocumentOperations::Single(_), Some(_)) => None,
        (DocumentOperations::Multiple(all), None) => all.values().next().filter(|_| all.len() == 1),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name),
    }
}

/// Where a variable is declared that must have a value and has none.
pub(super) fn missing(operation: &OperationDefinition, variables: &Variables) -> Option<Pos> {
    let declared = operation.variable_definitions.iter().find(|it| {
        let given = variables.get(&it.node.name.node);
        let is_missing = given.map_or(it.node.default_value.is_none(), |it| *it == Value::Null);
        !it.node.var_type.node.nullable && is_missing
    });
    declared.map(|it| it.pos)
}

/// Refuses what would be too much, before it is validated or executed.
pub(super) fn check(document: &ExecutableDocument, variables: &Variables) -> Result<(), Excess> {
    if document.operations.iter().count() > MOST_OPERATIONS {
        return Err(Excess::Operations);
    }
    let mut counter = Counter { document, variables, sizes: HashMap::new() };
    // Those that no operation uses are validated all the same.
    for (name, fragment) in &document.fragments {
        few(&fragment.node.directives)?;
        counter.fragment(name, 1)?;
    }
    for (_, operation) in document.operations.iter() {
        few(&operation.node.directives)?;
        for variable in &operation.node.variable_definitions {
            few(&variable.node.directives)?;
        }
        let set = &operation.node.selection_set.node;
        counter.count(set, 1)?;
        // From here on whatever is spread is small and ends.
        match (operation.node.ty, roots(document, set)) {
            (OperationType::Mutation, roots) if roots > MOST_MUTATIONS => {
                return Err(Excess::Mutations);
            }
            (_, roots) if roots > MOST_ROOTS => return Err(Excess::Roots),
            _ => {}
        }
        if schema_lists(document, set, false) > MOST_SCHEMA_LISTS {
            return Err(Excess::SchemaLists);
        }
    }
    Ok(())
}

/// What an operation costs, once it is known to be within bounds.
pub(super) fn cost(
    document: &ExecutableDocument,
    variables: &Variables,
    operation: &OperationDefinition,
) -> Result<usize, Excess> {
    let mut counter = Counter { document, variables, sizes: HashMap::new() };
    Ok(counter.count(&operation.selection_set.node, 1)?.cost)
}

/// Whether an operation does nothing but what is done at a door.
pub(super) fn is_of_a_door(operation: &OperationDefinition) -> bool {
    operation.selection_set.node.items.iter().all(|item| match &item.node {
        Selection::Field(field) => rate::is_of_a_door(&field.node.name.node),
        Selection::InlineFragment(_) | Selection::FragmentSpread(_) => false,
    })
}

fn few(directives: &[Positioned<Directive>]) -> Result<(), Excess> {
    if directives.len() > MOST_DIRECTIVES { Err(Excess::Directives) } else { Ok(()) }
}

struct Counter<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    /// What each fragment comes to; none while it is being counted.
    sizes: HashMap<&'a Name, Option<Size>>,
}

impl<'a> Counter<'a> {
    fn count(&mut self, set: &'a SelectionSet, depth: usize) -> Result<Size, Excess> {
        if depth > DEEPEST {
            return Err(Excess::Depth);
        }
        let mut size = Size::default();
        for item in &set.items {
            size.add(Size { selections: 1, ..Size::default() })?;
            let inner = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    few(&field.directives)?;
                    let mut inner = self.count(&field.selection_set.node, depth + 1)?;
                    inner.aliases += usize::from(field.alias.is_some());
                    inner.cost = self.cost(field, inner.cost);
                    inner
                }
                Selection::InlineFragment(it) => {
                    few(&it.node.directives)?;
                    self.count(&it.node.selection_set.node, depth + 1)?
                }
                Selection::FragmentSpread(it) => {
                    few(&it.node.directives)?;
                    self.fragment(&it.node.fragment_name.node, depth + 1)?
                }
            };
            size.add(inner)?;
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &Name, depth: usize) -> Result<Size, Excess> {
        // Unknown fragments are the validator's to refuse.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        match self.sizes.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(Excess::FragmentCycle),
            None => self.sizes.insert(name, None),
        };
        let size = self.count(&fragment.node.selection_set.node, depth)?;
        self.sizes.insert(name, Some(size));
        Ok(size)
    }

    /// What a field costs of which every row costs `each`.
    fn cost(&self, field: &Field, each: usize) -> usize {
        let page = ["first", "last"].into_iter().find_map(|it| self.number(field, it));
        if page.is_some() || is_connection(self.document, &field.selection_set.node) {
            schema::list_cost(page, None, each)
        } else {
            each.saturating_add(1)
        }
    }

    /// The number that an argument has, be it by a variable, or by the default of one.
    fn number(&self, field: &Field, argument: &str) -> Option<i32> {
        let value = field.get_argument(argument)?.node.clone();
        let value = value.into_const_with(|name| self.variable(&name).ok_or(())).ok()?;
        let Value::Number(number) = value else { return None };
        i32::try_from(number.as_i64()?).ok()
    }

    fn variable(&self, name: &Name) -> Option<Value> {
        if let Some(given) = self.variables.get(name) {
            return Some(given.clone());
        }
        // A fragment belongs to all operations: the dearest of their defaults counts.
        let operations = self.document.operations.iter();
        let declared = operations.flat_map(|(_, it)| &it.node.variable_definitions);
        let defaults = declared.filter(|it| it.node.name.node == *name);
        let defaults = defaults.filter_map(|it| Some(&it.node.default_value.as_ref()?.node));
        defaults
            .max_by_key(|it| if let Value::Number(it) = it { it.as_i64() } else { None })
            .cloned()
    }
}

/// Whether a selection is one of a list's pages. Asked of what was counted already, which is small and ends.
fn is_connection(document: &ExecutableDocument, set: &SelectionSet) -> bool {
    set.items.iter().any(|item| match &item.node {
        Selection::Field(field) => matches!(field.node.name.node.as_str(), "nodes" | "edges"),
        Selection::InlineFragment(it) => is_connection(document, &it.node.selection_set.node),
        Selection::FragmentSpread(it) => spread(document, &it.node.fragment_name.node)
            .is_some_and(|it| is_connection(document, &it.node.selection_set.node)),
    })
}

fn spread<'a>(
    document: &'a ExecutableDocument,
    name: &Name,
) -> Option<&'a Positioned<FragmentDefinition>> {
    document.fragments.get(name)
}

/// How often lists of the schema are asked for within each other, below `__schema` or `__type`. A type's fields have
/// types which have fields: each turn multiplies the answer.
fn schema_lists(document: &ExecutableDocument, set: &SelectionSet, within: bool) -> usize {
    let depth = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(field) => {
            let field = &field.node;
            let name = field.name.node.as_str();
            let inside = within || matches!(name, "__schema" | "__type");
            let is_list =
                within && matches!(name, "fields" | "inputFields" | "interfaces" | "possibleTypes");
            usize::from(is_list) + schema_lists(document, &field.selection_set.node, inside)
        }
        Selection::InlineFragment(it) => {
            schema_lists(document, &it.node.selection_set.node, within)
        }
        Selection::FragmentSpread(it) => spread(document, &it.node.fragment_name.node)
            .map_or(0, |it| schema_lists(document, &it.node.selection_set.node, within)),
    };
    set.items.iter().map(depth).max().unwrap_or(0)
}

/// How many root fields an operation runs.
pub(super) fn roots(document: &ExecutableDocument, set: &SelectionSet) -> usize {
    let count = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(_) => 1,
        Selection::InlineFragment(it) => roots(document, &it.node.selection_set.node),
        Selection::FragmentSpread(it) => spread(document, &it.node.fragment_name.node)
            .map_or(0, |it| roots(document, &it.node.selection_set.node)),
    };
    set.items.iter().map(count).sum()
}

/// Whether a document asks for the schema. Not `__type`: that is null for a type which is not there, and where
/// introspection is turned off async-graphql knows none.
pub(super) fn introspects(document: &ExecutableDocument) -> bool {
    fn within(set: &SelectionSet) -> bool {
        set.items.iter().any(|item| match &item.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                name == "__schema" || within(&field.node.selection_set.node)
            }
            Selection::InlineFragment(it) => within(&it.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }
    document.operations.iter().any(|(_, it)| within(&it.node.selection_set.node))
        || document.fragments.values().any(|it| within(&it.node.selection_set.node))
}
