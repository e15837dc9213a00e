//! What a document may ask before anything of it is executed.
//!
//! Async-graphql expands every spread again, so a few hundred bytes of nested fragments keep it busy for hours. Here
//! the expansion is counted instead, each fragment once, which is linear in the document.

use std::collections::HashMap;

use async_graphql::{
    Name, Positioned,
    parser::types::{
        DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection,
        SelectionSet,
    },
};

/// The longest document, in bytes.
pub(super) const LONGEST: usize = 20 * 1024;
const MOST_FIELDS: usize = 1_000;
const MOST_ALIASES: usize = 30;
const MOST_DIRECTIVES: usize = 5;
const MOST_MUTATIONS: usize = 10;
const MOST_OPERATIONS: usize = 10;

/// Why a document is not executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Fields,
    Aliases,
    Directives,
    Mutations,
    Operations,
    FragmentCycle,
}

impl Excess {
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Fields => "the operation selects more than 1000 fields",
            Self::Aliases => "the operation uses more than 30 aliases",
            Self::Directives => "a field carries more than 5 directives",
            Self::Mutations => "the operation has more than 10 mutations",
            Self::Operations => "the document has more than 10 operations",
            Self::FragmentCycle => "a fragment spreads itself",
        }
    }
}

/// How much a selection comes to once all is spread.
#[derive(Clone, Copy, Default)]
struct Size {
    fields: usize,
    aliases: usize,
}

impl Size {
    fn add(&mut self, other: Self) {
        self.fields = self.fields.saturating_add(other.fields);
        self.aliases = self.aliases.saturating_add(other.aliases);
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

/// Refuses what would be too much, before it is validated or executed.
pub(super) fn check(document: &ExecutableDocument) -> Result<(), Excess> {
    if document.operations.iter().count() > MOST_OPERATIONS {
        return Err(Excess::Operations);
    }
    let mut sizes = HashMap::new();
    for (_, operation) in document.operations.iter() {
        let set = &operation.node.selection_set.node;
        let size = Counter { document, sizes: &mut sizes }.count(set)?;
        if size.fields > MOST_FIELDS {
            return Err(Excess::Fields);
        }
        if size.aliases > MOST_ALIASES {
            return Err(Excess::Aliases);
        }
        if operation.node.ty == OperationType::Mutation && roots(document, set) > MOST_MUTATIONS {
            return Err(Excess::Mutations);
        }
    }
    Ok(())
}

struct Counter<'a, 'm> {
    document: &'a ExecutableDocument,
    /// What each fragment comes to; none while it is being counted.
    sizes: &'m mut HashMap<&'a Name, Option<Size>>,
}

impl<'a> Counter<'a, '_> {
    fn count(&mut self, set: &'a SelectionSet) -> Result<Size, Excess> {
        let mut size = Size::default();
        for item in &set.items {
            let (directives, inner) = match &item.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    size.add(Size { fields: 1, aliases: usize::from(field.alias.is_some()) });
                    (field.directives.len(), self.count(&field.selection_set.node)?)
                }
                Selection::InlineFragment(it) => {
                    (it.node.directives.len(), self.count(&it.node.selection_set.node)?)
                }
                Selection::FragmentSpread(it) => {
                    (it.node.directives.len(), self.fragment(&it.node.fragment_name.node)?)
                }
            };
            if directives > MOST_DIRECTIVES {
                return Err(Excess::Directives);
            }
            size.add(inner);
        }
        Ok(size)
    }

    fn fragment(&mut self, name: &Name) -> Result<Size, Excess> {
        // Unknown fragments are the validator's to refuse.
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        match self.sizes.get(name) {
            Some(Some(size)) => return Ok(*size),
            Some(None) => return Err(Excess::FragmentCycle),
            None => self.sizes.insert(name, None),
        };
        let size = self.count(&fragment.node.selection_set.node)?;
        self.sizes.insert(name, Some(size));
        Ok(size)
    }
}

/// How many root fields an operation runs. Counted fields are few by now, so that spreading is cheap.
fn roots(document: &ExecutableDocument, set: &SelectionSet) -> usize {
    let count = |item: &Positioned<Selection>| match &item.node {
        Selection::Field(_) => 1,
        Selection::InlineFragment(it) => roots(document, &it.node.selection_set.node),
        Selection::FragmentSpread(it) => document
            .fragments
            .get(&it.node.fragment_name.node)
            .map_or(0, |fragment| roots(document, &fragment.node.selection_set.node)),
    };
    set.items.iter().map(count).sum()
}

/// Whether a document asks for the schema.
pub(super) fn introspects(document: &ExecutableDocument) -> bool {
    fn within(set: &SelectionSet) -> bool {
        set.items.iter().any(|item| match &item.node {
            Selection::Field(field) => {
                let name = field.node.name.node.as_str();
                name == "__schema" || name == "__type" || within(&field.node.selection_set.node)
            }
            Selection::InlineFragment(it) => within(&it.node.selection_set.node),
            Selection::FragmentSpread(_) => false,
        })
    }
    document.operations.iter().any(|(_, it)| within(&it.node.selection_set.node))
        || document.fragments.values().any(|it| within(&it.node.selection_set.node))
}
