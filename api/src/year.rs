//! The years that figures go by: from 1 January 00:00 to the next, in Asia/Shanghai.

use std::ops::Range;

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Asia::Shanghai;
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, SimpleExpr};

use crate::error::Failure;

/// A calendar year.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Year(pub Range<DateTime<Utc>>);

impl Year {
    /// The year of this number, from 1990 to 2100.
    pub fn of(year: i32) -> Result<Self, Failure> {
        const FAULT: Failure =
            Failure::BadInput("年份须在1990至2100之间", "a year is from 1990 to 2100");
        if !(1990..=2100).contains(&year) {
            return Err(FAULT);
        }
        let begin = |year| {
            let begin = Shanghai.with_ymd_and_hms(year, 1, 1, 0, 0, 0).single();
            begin.map(|it| it.with_timezone(&Utc)).ok_or(FAULT)
        };
        Ok(Self(begin(year)?..begin(year + 1)?))
    }

    /// `column` lies in the year.
    #[must_use]
    pub fn has(&self, column: impl IntoColumnRef + Clone) -> SimpleExpr {
        Expr::col(column.clone()).gte(self.0.start).and(Expr::col(column).lt(self.0.end))
    }

    /// `column` lies before the year.
    #[must_use]
    pub fn is_after(&self, column: impl IntoColumnRef) -> SimpleExpr {
        Expr::col(column).lt(self.0.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_begins_at_midnight_in_shanghai() {
        let Year(span) = Year::of(2026).unwrap();
        assert_eq!(span.start.to_rfc3339(), "2025-12-31T16:00:00+00:00");
        assert_eq!(span.end.to_rfc3339(), "2026-12-31T16:00:00+00:00");
        assert!(Year::of(1989).is_err() && Year::of(2101).is_err());
    }
}
