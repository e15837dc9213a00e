//! Vertically merged body cells: the value of the first row applies to every row the merge covers (§1).

use std::collections::HashMap;

use crate::cell::{Cell, Line};

/// A merged range; rows from 1, columns from 0, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Merge {
    pub(crate) first_row: u32,
    pub(crate) last_row: u32,
    pub(crate) first_column: usize,
    pub(crate) last_column: usize,
}

/// Fills merged values down while rows pass by in order.
#[derive(Debug, Default)]
pub(crate) struct Fill {
    /// By the row a merge begins in: its column and last row.
    begins: HashMap<u32, Vec<(usize, u32)>>,
    /// By column: up to which row which value holds.
    holds: Vec<Option<(u32, Cell)>>,
}

impl Fill {
    /// The merges that begin below row `header` and span rows.
    pub(crate) fn below(header: u32, merges: &[Merge]) -> Self {
        let mut begins: HashMap<u32, Vec<(usize, u32)>> = HashMap::new();
        let mut columns = 0;
        for merge in merges.iter().filter(|m| m.first_row > header && m.last_row > m.first_row) {
            begins.entry(merge.first_row).or_default().push((merge.first_column, merge.last_row));
            columns = columns.max(merge.first_column + 1);
        }
        Self { begins, holds: vec![None; columns] }
    }

    /// Gives the row what merges begun above it hold for it.
    pub(crate) fn apply(&mut self, line: &mut Line) {
        for column in 0..self.holds.len() {
            match &self.holds[column] {
                Some((last, value)) if *last >= line.number => {
                    line.set(column, value.clone());
                    line.inherited.push(column);
                }
                Some(_) => self.holds[column] = None,
                None => {}
            }
        }
        for &(column, last) in self.begins.get(&line.number).into_iter().flatten() {
            if !line.inherited.contains(&column) {
                self.holds[column] = Some((last, line.cell(column).clone()));
            }
        }
    }
}
