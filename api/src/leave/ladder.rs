//! Who decides on leave, by its length.
//!
//! | rung | how long | who |
//! |---|---|---|
//! | TEACHER 班主任 | up to half a day | ORGANISER of the class, and all below |
//! | ACADEMIC 教务 | up to a day | ORGANISER of the programme or of the host, and all below |
//! | HEAD 校领导/选派单位 | longer | ORG_ADMIN of the host, or of the organisation that recommends the trainee |
//!
//! The lengths are those of the class, or else of its series, or else the usual ones. Whoever stands higher may decide
//! what is for those below. One say decides; `authz::place` knows who stands where.

use entity::leave::Rung;

/// Up to which length, in half-days, the two lower rungs decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    pub teacher: i32,
    pub academic: i32,
}

/// What holds where neither the class nor its series says anything else.
pub const USUAL: Ladder = Ladder { teacher: 1, academic: 2 };

/// The most half-days that a rung can be given: a year of them.
pub const MOST: i32 = 732;

impl Ladder {
    /// Whether it is one: no rung below the one under it.
    #[must_use]
    pub fn is_sane(self) -> bool {
        0 <= self.teacher && self.teacher <= self.academic && self.academic <= MOST
    }

    /// Who decides on leave of so many half-days.
    #[must_use]
    pub fn rung(self, half_days: i32) -> Rung {
        if half_days <= self.teacher {
            Rung::Teacher
        } else if half_days <= self.academic {
            Rung::Academic
        } else {
            Rung::Head
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_the_higher() {
        let rungs = |ladder: Ladder| [1, 2, 3].map(|it| ladder.rung(it));
        assert_eq!(rungs(USUAL), [Rung::Teacher, Rung::Academic, Rung::Head]);
        // No rung may be skipped downwards, and one without any length is skipped.
        assert_eq!(rungs(Ladder { teacher: 0, academic: 0 }), [Rung::Head; 3]);
        assert_eq!(
            rungs(Ladder { teacher: 2, academic: 2 }),
            [Rung::Teacher, Rung::Teacher, Rung::Head]
        );
        assert!(!Ladder { teacher: 2, academic: 1 }.is_sane());
    }
}
