//! How certificates are numbered: a pattern of the class, its series, or the nearest organisation above it.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use entity::{
    activity,
    certificate_pattern::{self, Column},
    id::{ActivityId, CertificatePatternId, Id, OrganisationId, SeriesId},
    organisation,
};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait,
    QueryFilter,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    class,
    db::{is_duplicate, within},
    error::Failure,
    organisation::ids_of,
    refusals,
    write::Outcome,
};

refusals! {
    /// Why a pattern was not set.
    CertificatePatternErrorCode, CertificatePatternUserError {
        /// Neither or several of the places are given.
        PlaceUnclear = "须且只能给出一个适用范围", "give one place, and only one";
        /// The pattern has a variable that there is not, or a brace without its partner.
        VariableUnknown = "“{}”不是可用的变量", "“{}” is no variable";
        /// The pattern does not have `{seq}` once.
        SeqMissing = "编号规则须含且只含一个序号{seq}", "a pattern has the number in its series once: {seq}";
        /// The pattern is missing.
        Required = "不能为空", "must not be empty";
        /// A text is too long.
        TooLong = "不能超过{}个字符", "must not be longer than {} characters";
    }
}

/// A piece of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Year,
    /// With at least so many digits.
    Run(usize),
    Seq(usize),
}

/// A pattern taken apart; what it has that is no variable.
fn pieces(pattern: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let (text, brace) = rest.split_at(rest.find(['{', '}']).unwrap_or(rest.len()));
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        let Some(end) = brace.find('}').map(|it| it + 1) else {
            if brace.is_empty() {
                break;
            }
            return Err(brace.to_owned());
        };
        let (variable, after) = brace.split_at(end);
        pieces.push(read(variable).ok_or_else(|| variable.to_owned())?);
        rest = after;
    }
    Ok(pieces)
}

fn read(variable: &str) -> Option<Piece<'_>> {
    let inner = variable.strip_prefix('{')?.strip_suffix('}')?;
    let (name, width) = match inner.split_once(':') {
        Some((name, digits)) => {
            let width = (digits.len() == 1).then(|| digits.parse::<usize>().ok()).flatten();
            (name, width.filter(|it| *it > 0)?)
        }
        None => (inner, 1),
    };
    match name {
        "year" if !inner.contains(':') => Some(Piece::Year),
        "run" => Some(Piece::Run(width)),
        "seq" => Some(Piece::Seq(width)),
        _ => None,
    }
}

/// What is wrong with a pattern, and what with.
#[must_use]
pub fn fault(pattern: &str) -> Option<(CertificatePatternErrorCode, String)> {
    match pieces(pattern) {
        Err(unknown) => Some((CertificatePatternErrorCode::VariableUnknown, unknown)),
        Ok(pieces) => {
            let seqs = pieces.iter().filter(|it| matches!(it, Piece::Seq(_))).count();
            (seqs != 1).then(|| (CertificatePatternErrorCode::SeqMissing, String::new()))
        }
    }
}

/// A pattern for a year and a run, with `{seq}` left in it: what is counted together. None where it needs a run and there
/// is none.
pub fn stem(pattern: &str, year: i32, run: Option<i32>) -> Result<Option<String>, Failure> {
    let mut stem = String::new();
    for piece in pieces(pattern).map_err(Failure::internal)? {
        match piece {
            Piece::Text(text) => stem.push_str(text),
            Piece::Year => stem.push_str(&year.to_string()),
            Piece::Seq(width) => write!(stem, "{{seq:{width}}}").map_err(Failure::internal)?,
            Piece::Run(width) => match run {
                Some(run) => write!(stem, "{run:0width$}").map_err(Failure::internal)?,
                None => return Ok(None),
            },
        }
    }
    Ok(Some(stem))
}

/// The number of a certificate: its place in the series, put into the stem.
pub fn number(stem: &str, seq: i32) -> Result<String, Failure> {
    let mut number = String::new();
    for piece in pieces(stem).map_err(Failure::internal)? {
        match piece {
            Piece::Text(text) => number.push_str(text),
            Piece::Seq(width) => write!(number, "{seq:0width$}").map_err(Failure::internal)?,
            Piece::Year | Piece::Run(_) => return Err(Failure::internal("a stem with variables")),
        }
    }
    Ok(number)
}

/// How an activity's certificates are numbered and who issues them, as it holds now.
pub struct Numbering {
    pub pattern: String,
    pub issuer: String,
    /// The number of the run, where the activity is one of a series.
    pub run: Option<i32>,
}

/// The pattern of the activity itself, or else of its series, or else of the nearest organisation from its host upwards, or
/// else the usual one.
pub async fn nearest(
    db: &impl ConnectionTrait,
    activity: &activity::Model,
) -> Result<Numbering, Failure> {
    let host = organisation::Entity::find_by_id(activity.host_id).one(db).await?;
    let host = host.ok_or(Failure::NotFound)?;
    let line: Vec<OrganisationId> = ids_of(&host.path).collect();
    let class = class::of(db, activity.id).await?;
    let column = (certificate_pattern::Entity, Column::OrganisationId);
    let mut places = Condition::any()
        .add(Column::ActivityId.eq(activity.id))
        .add(within(column, line.iter().copied()));
    if let Some(series) = class.series_id {
        places = places.add(Column::SeriesId.eq(series));
    }
    let rows = certificate_pattern::Entity::find().filter(places).all(db).await?;
    let near = |it: &certificate_pattern::Model| {
        let depth = it.organisation_id.and_then(|id| line.iter().position(|at| *at == id));
        (it.activity_id.is_some(), it.series_id.is_some(), depth)
    };
    let found = rows.into_iter().max_by_key(near);
    let (pattern, issuer) = match found {
        Some(row) => (row.pattern, row.issuer),
        None => (usual(&host.name), None),
    };
    Ok(Numbering { pattern, issuer: issuer.unwrap_or(host.name), run: class.run_number })
}

/// Where nobody said anything.
fn usual(host: &str) -> String {
    let host: String = host.chars().filter(|it| !matches!(it, '{' | '}')).collect();
    format!("{host}结字〔{{year}}〕第{{seq:4}}号")
}

/// Whose a pattern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    Activity(ActivityId),
    Series(SeriesId),
    Organisation(OrganisationId),
}

/// What is kept of a place: none where it has no pattern of its own any more.
#[derive(Serialize, Deserialize)]
pub struct Kept {
    place: Place,
    pub row: Option<certificate_pattern::Model>,
}

impl Outcome for Kept {
    fn thing(&self) -> (&'static str, Uuid) {
        match self.place {
            Place::Activity(id) => (ActivityId::PREFIX, id.uuid()),
            Place::Series(id) => (SeriesId::PREFIX, id.uuid()),
            Place::Organisation(id) => (OrganisationId::PREFIX, id.uuid()),
        }
    }
}

/// Keeps the pattern of a place, in place of the one before, or takes it away. The caller holds a permit on the place and
/// found no fault. Numbers that were given out stay.
pub async fn set(
    tx: &DatabaseTransaction,
    place: Place,
    wanted: Option<(String, Option<String>)>,
    now: DateTime<Utc>,
) -> Result<Kept, Failure> {
    let at = match place {
        Place::Activity(id) => Column::ActivityId.eq(id),
        Place::Series(id) => Column::SeriesId.eq(id),
        Place::Organisation(id) => Column::OrganisationId.eq(id),
    };
    certificate_pattern::Entity::delete_many().filter(at).exec(tx).await?;
    let Some((pattern, issuer)) = wanted else { return Ok(Kept { place, row: None }) };
    let mut row = certificate_pattern::Model {
        id: CertificatePatternId::generate(),
        organisation_id: None,
        series_id: None,
        activity_id: None,
        pattern,
        issuer,
        set_at: now,
    };
    match place {
        Place::Activity(id) => row.activity_id = Some(id),
        Place::Series(id) => row.series_id = Some(id),
        Place::Organisation(id) => row.organisation_id = Some(id),
    }
    let kept = certificate_pattern::ActiveModel::from(row.clone()).reset_all();
    let kept = certificate_pattern::Entity::insert(kept).exec_without_returning(tx).await;
    match kept {
        Err(error) if is_duplicate(&error) => Err(Failure::Conflict(
            "编号规则刚被更改，请重试",
            "the pattern was just changed; try again",
        )),
        kept => {
            kept?;
            Ok(Kept { place, row: Some(row) })
        }
    }
}

/// Gives a copy of an activity the pattern of that one, if it has one of its own. The copy is new.
pub async fn copy(
    tx: &DatabaseTransaction,
    from: ActivityId,
    to: ActivityId,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let own =
        certificate_pattern::Entity::find().filter(Column::ActivityId.eq(from)).one(tx).await?;
    if let Some(own) = own {
        set(tx, Place::Activity(to), Some((own.pattern, own.issuer)), now).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_pattern_filled() {
        let pattern = "温民院结字〔{year}〕第{run:4}-{seq:3}号";
        let stem = stem(pattern, 2019, Some(58)).unwrap().unwrap();
        assert_eq!(stem, "温民院结字〔2019〕第0058-{seq:3}号");
        assert_eq!(number(&stem, 23).unwrap(), "温民院结字〔2019〕第0058-023号");
        assert_eq!(number(&stem, 1023).unwrap(), "温民院结字〔2019〕第0058-1023号");
        assert_eq!(super::stem(pattern, 2019, None).unwrap(), None);
    }

    #[test]
    fn a_pattern_counts_once_and_knows_its_variables() {
        use CertificatePatternErrorCode as Code;
        for (pattern, fault) in [
            ("结字{seq}号", None),
            ("{seq:9}", None),
            ("结字号", Some((Code::SeqMissing, ""))),
            ("{seq}{seq:2}", Some((Code::SeqMissing, ""))),
            ("{seq}{month}", Some((Code::VariableUnknown, "{month}"))),
            ("{seq:0}", Some((Code::VariableUnknown, "{seq:0}"))),
            ("{seq:12}", Some((Code::VariableUnknown, "{seq:12}"))),
            ("{year:4}{seq}", Some((Code::VariableUnknown, "{year:4}"))),
            ("{seq}号}", Some((Code::VariableUnknown, "}"))),
            ("{seq}{", Some((Code::VariableUnknown, "{"))),
            ("{{seq}}", Some((Code::VariableUnknown, "{{seq}"))),
        ] {
            let fault = fault.map(|(code, text)| (code, text.to_owned()));
            assert_eq!(super::fault(pattern), fault, "{pattern}");
        }
    }
}
