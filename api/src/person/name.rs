//! What a person's name sorts and is found by: its reading, its sort keys and its search keys. Nothing here
//! reads or writes; the name itself is stored and shown as entered.
//!
//! **Columns.** On `person`: `pinyin` (shown), `stroke_key` and `pinyin_key` (for ordering). In the child table
//! `person_term`, one row per entry of [`Reading::keys`], compared byte by byte on both databases. A search is the range
//! `term >= ? AND term < ?` of [`Query::range`], which both answer from the index (they do not so answer `LIKE 'x%'`:
//! one is blind to case there, the other needs its own operator class).
//! What is stored is of one [`EDITION`]: a migration that raises it reads all names again.
//!
//! **Surnames.** General dictionaries read 单 as dan; as a surname it is shan. The tables below put that right.
//! A person who is called otherwise has the reading stored, and [`Namer::read_as`] uses it.

mod tables;

use std::collections::{BTreeSet, HashMap};

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::locale;
use icu_normalizer::DecomposingNormalizerBorrowed;
use pinyin::ToPinyinMulti;

use self::tables::{COMPOUNDS, DESCRIBED, GIVEN, STROKES, SURNAMES};

/// Raise it when a table here, the `pinyin` crate or ICU changes: sort keys of two editions do not compare.
pub const EDITION: i32 = 1;

/// Readings of one name that are kept for search, at most; each differs from the first in one character.
const VARIANTS: usize = 8;
/// Readings of one character, at most: dictionaries list many that nobody is called by.
const READINGS: usize = 5;

/// What is derived from one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Syllables without tone, lower case, ASCII, separated by a space: `shan xiao ming`. ü is written v. Characters
    /// without a known reading, and scripts other than Han and Latin, are left out, so it may be empty.
    pub pinyin: String,
    /// The first letter of each syllable or Latin word: `sxm`.
    pub initials: String,
    /// Bytewise order is 按姓氏笔画: the surname by the table of strokes, bearers of one surname together, then the
    /// rest as ICU has it (`zh-u-co-stroke`), as is a surname that the table lacks. Names without Han come last.
    pub stroke_key: Vec<u8>,
    /// Bytewise order is by syllable, tone and character of the first character, then of the next: bearers of one
    /// surname stay together, and 单 stands under S. What has no reading comes last.
    pub pinyin_key: Vec<u8>,
    /// What a search may begin with, sorted, without duplicates: the name and its given part; for each variant
    /// the full pinyin, the given part's, the initials, and the surname's pinyin or characters with the rest's
    /// initials. At most 60, usually about 10.
    pub keys: Vec<String>,
}

/// What somebody typed into a search box, made comparable with [`Reading::keys`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Digits only, without a leading +86: compare with phone numbers, or with their last digits.
    Phone(String),
    /// Holds characters other than Latin ones: a name or its beginning, perhaps mixed, as 单xm.
    Han(String),
    /// Pinyin, initials or a Latin name.
    Latin(String),
}

impl Query {
    /// The range of keys that begin with the query: from the first (inclusive) to the second (exclusive).
    #[must_use]
    pub fn range(&self) -> (String, String) {
        let (Self::Phone(text) | Self::Han(text) | Self::Latin(text)) = self;
        (text.clone(), format!("{text}{}", char::MAX))
    }
}

/// Normalises what was typed: compatibility forms and accents undone, lower case, spaces and punctuation out, so
/// that "Shan Xiao", "shanxiao" and "ｓｈａｎｘｉａｏ" are one. `None` when nothing is left to search by.
#[must_use]
pub fn query(text: &str) -> Option<Query> {
    let folded = fold(text);
    if folded.is_empty() {
        return None;
    }
    if folded.chars().all(|c| c.is_ascii_digit()) {
        let local = ["0086", "86"].iter().find_map(|code| folded.strip_prefix(code));
        let mobile = local.filter(|rest| rest.len() == 11 && rest.starts_with('1'));
        return Some(Query::Phone(mobile.unwrap_or(&folded).to_owned()));
    }
    Some(if folded.chars().all(is_latin) { Query::Latin(folded) } else { Query::Han(folded) })
}

/// The collation data that was asked for is not compiled in: a mistake of the build.
#[derive(Debug)]
pub struct CollationMissing(String);

impl std::fmt::Display for CollationMissing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no Chinese collation in this build: {}", self.0)
    }
}

impl std::error::Error for CollationMissing {}

/// Reads names. Made once and shared: it holds the tables and two collators, and nothing that changes.
pub struct Namer {
    stroke: CollatorBorrowed<'static>,
    pinyin: CollatorBorrowed<'static>,
    surnames: HashMap<char, Vec<Sound>>,
    compounds: HashMap<(char, char), [Sound; 2]>,
    given: HashMap<char, Vec<Sound>>,
    /// The number of strokes of a surname, and its place among all.
    strokes: HashMap<char, (u8, u16)>,
    /// What stands in the collation before the characters of one stroke, of two, and so on.
    labels: Vec<Vec<u8>>,
}

/// A syllable without tone, and the tone as a digit; 5 is none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sound {
    syllable: String,
    tone: u8,
}

/// A Han character, or a run of other letters.
#[derive(Debug)]
struct Piece {
    text: String,
    /// The one to show first; empty when it cannot be said.
    sounds: Vec<Sound>,
    han: bool,
}

/// A name taken apart.
#[derive(Debug, Default)]
struct Pieces {
    pieces: Vec<Piece>,
    /// Where a part other than the first begins: a given name, or what follows a dot or a space.
    starts: Vec<usize>,
}

impl Namer {
    /// A name of which only the surname is shown, and a star for each further character: 张** and 欧阳*. At most three stars.
    #[must_use]
    pub fn masked(&self, name: &str) -> String {
        let chars: Vec<char> = name.chars().collect();
        let is_compound =
            matches!(chars[..], [a, b, _, ..] if self.compounds.contains_key(&(a, b)));
        let (surname, rest) = chars.split_at(if is_compound { 2 } else { chars.len().min(1) });
        surname.iter().collect::<String>() + &"*".repeat(rest.len().clamp(1, 3))
    }

    /// # Errors
    /// When the build has no collation data for Chinese.
    pub fn new() -> Result<Self, CollationMissing> {
        let collator = |locale: CollatorPreferences, strength| {
            let mut options = CollatorOptions::default();
            options.strength = Some(strength);
            CollatorBorrowed::try_new(locale, options).map_err(|e| CollationMissing(e.to_string()))
        };
        let compounds = COMPOUNDS.split_whitespace().filter_map(|entry| {
            let mut chars = entry.chars();
            let pair = (chars.next()?, chars.next()?);
            let (first, second) = chars.as_str().split_once(|c: char| c.is_ascii_digit())?;
            let tone = entry.chars().find(char::is_ascii_digit)?;
            Some((pair, [Sound::parse(&format!("{first}{tone}")), Sound::parse(second)]))
        });
        let stroke = collator(locale!("zh-u-co-stroke").into(), Strength::Tertiary)?;
        let label = |sign: char| sort_key(&stroke, &format!("\u{fdd0}{sign}"));
        let labels = ('\u{2801}'..='\u{2830}').map(label).collect();
        let (mut strokes, mut count) = (HashMap::new(), 0);
        for (place, c) in (0..).zip(STROKES.split_whitespace().flat_map(|word| {
            let number = word.parse::<u8>().ok();
            let chars = if number.is_some() { "" } else { word };
            number.map(Err).into_iter().chain(chars.chars().map(Ok))
        })) {
            match c {
                Ok(c) => drop(strokes.insert(c, (count, place))),
                Err(number) => count = number,
            }
        }
        Ok(Self {
            stroke,
            pinyin: collator(locale!("zh-u-co-pinyin").into(), Strength::Primary)?,
            surnames: table(SURNAMES),
            compounds: compounds.collect(),
            given: table(GIVEN),
            strokes,
            labels,
        })
    }

    /// Reads a name by the tables and the dictionary.
    #[must_use]
    pub fn read(&self, name: &str) -> Reading {
        self.finish(name, &self.take_apart(name))
    }

    /// Reads a name as its bearer says it: `said` is pinyin, a syllable per character, separated by spaces, with
    /// or without tone digits. When the numbers differ, `said` stands for the name as a whole.
    #[must_use]
    pub fn read_as(&self, name: &str, said: &str) -> Reading {
        let said = said.to_lowercase().replace('ü', "v");
        let said: Vec<Sound> = said.split_whitespace().map(Sound::parse).collect();
        let mut apart = self.take_apart(name);
        let mut sayable: Vec<&mut Piece> =
            apart.pieces.iter_mut().filter(|p| p.han || !p.sounds.is_empty()).collect();
        if sayable.len() == said.len() {
            for (piece, mut sound) in sayable.iter_mut().zip(said) {
                if let Some(known) = piece.sounds.iter().find(|s| s.syllable == sound.syllable) {
                    sound.tone = if sound.tone == b'5' { known.tone } else { sound.tone };
                }
                piece.sounds.retain(|s| s.syllable != sound.syllable);
                piece.sounds.insert(0, sound);
            }
            return self.finish(name, &apart);
        }
        let pieces = said.into_iter().map(|sound| Piece {
            text: sound.syllable.clone(),
            sounds: vec![sound],
            han: false,
        });
        let mut reading =
            self.finish(name, &Pieces { pieces: pieces.collect(), starts: Vec::new() });
        let mut keys: BTreeSet<String> = reading.keys.into_iter().collect();
        keys.extend(self.finish(name, &apart).keys);
        reading.keys = keys.into_iter().collect();
        reading
    }

    fn take_apart(&self, name: &str) -> Pieces {
        let mut apart = Pieces::default();
        let (mut dotted, mut open) = (false, false);
        for c in DecomposingNormalizerBorrowed::new_nfkd()
            .normalize(name)
            .chars()
            .flat_map(char::to_lowercase)
        {
            let here = apart.pieces.len();
            if is_han(c) {
                apart.pieces.push(Piece { text: c.into(), sounds: self.sounds(c), han: true });
                open = false;
            } else if is_kept(c) {
                match apart.pieces.last_mut() {
                    Some(word) if open => word.text.push(c),
                    _ => {
                        apart.pieces.push(Piece { text: c.into(), sounds: Vec::new(), han: false });
                        apart.starts.push(here);
                    }
                }
                open = true;
            } else if !is_joiner(c) {
                open = false;
                if is_dot(c) {
                    dotted = true;
                    apart.starts.push(here);
                }
            }
        }
        for word in apart.pieces.iter_mut().filter(|p| !p.han && p.text.chars().all(is_latin)) {
            word.sounds.push(Sound { syllable: word.text.clone(), tone: b'0' });
        }
        if !dotted {
            // A dot is only found in names transcribed from other languages, which have no Chinese surname.
            let surname = self.say_surname(&mut apart.pieces);
            apart.starts.extend((surname > 0).then_some(surname));
        }
        apart.starts.retain(|&at| at > 0 && at < apart.pieces.len());
        apart.starts.sort_unstable();
        apart.starts.dedup();
        apart.starts.truncate(3);
        apart
    }

    /// Puts the surname's readings first, and says how many characters it has.
    fn say_surname(&self, pieces: &mut [Piece]) -> usize {
        let han: Vec<char> =
            pieces.iter().map_while(|p| p.text.chars().next().filter(|_| p.han)).collect();
        if let [first, second, ..] = han[..]
            && let Some(sounds) = self.compounds.get(&(first, second))
        {
            // 单于飞 is a 单 with a given name of two characters; 单于 as a surname hardly lives on.
            let certain = (first, second) != ('单', '于') || han.len() > 3;
            for (piece, sound) in pieces.iter_mut().zip(sounds) {
                prefer(&mut piece.sounds, std::slice::from_ref(sound));
            }
            if certain {
                return 2;
            }
        }
        let Some(first) = han.first() else { return 0 };
        if let Some(sounds) = self.surnames.get(first) {
            prefer(&mut pieces[0].sounds, sounds);
        }
        1
    }

    /// The readings of a character in a given name, the likeliest first; none when the dictionary lacks it.
    fn sounds(&self, c: char) -> Vec<Sound> {
        let dictionary =
            c.to_pinyin_multi().into_iter().flatten().map(|p| Sound::parse(p.with_tone_num_end()));
        let mut sounds: Vec<Sound> = dictionary.filter(|s| !s.syllable.is_empty()).collect();
        if let Some(usual) = self.given.get(&c) {
            prefer(&mut sounds, usual);
        }
        sounds
    }

    fn finish(&self, name: &str, apart: &Pieces) -> Reading {
        let first: Vec<&str> =
            apart.pieces.iter().filter_map(|p| Some(p.sounds.first()?.syllable.as_str())).collect();
        let (pinyin, initials) =
            (first.join(" "), first.iter().filter_map(|s| s.chars().next()).collect());
        let mut pinyin_key = Vec::new();
        for piece in &apart.pieces {
            match piece.sounds.first() {
                Some(sound) => {
                    pinyin_key.extend_from_slice(sound.syllable.as_bytes());
                    pinyin_key.push(sound.tone); // A digit is less than any letter: li stands before liang.
                }
                None => pinyin_key.push(0x7f), // Greater than any letter.
            }
            pinyin_key.extend(sort_key(&self.pinyin, &piece.text));
            pinyin_key.push(1); // Less than any weight: a name stands before those that it begins.
        }
        let stroke_key = self.stroke_key(name);
        Reading { pinyin, initials, stroke_key, pinyin_key, keys: keys(name, apart) }
    }

    fn stroke_key(&self, name: &str) -> Vec<u8> {
        // Spaces between characters are lay-out, as in 张　伟; between words they count.
        let tight: String = name.split_whitespace().collect();
        let Some(first) = tight.chars().next().filter(|&c| is_han(c)) else {
            return [vec![u8::MAX], sort_key(&self.stroke, name.trim())].concat();
        };
        let own = sort_key(&self.stroke, &tight);
        let guessed = || {
            (u8::try_from(self.labels.partition_point(|l| *l <= own)).unwrap_or(u8::MAX), u16::MAX)
        };
        let (count, place) = self.strokes.get(&first).copied().unwrap_or_else(guessed);
        [vec![count], place.to_be_bytes().to_vec(), own].concat()
    }
}

fn sort_key(collator: &CollatorBorrowed<'_>, text: &str) -> Vec<u8> {
    let mut key = Vec::new();
    let Ok(()) = collator.write_sort_key_to(text, &mut key);
    key
}

impl Sound {
    /// Reads `lv3`, `lü3` or `de`.
    fn parse(text: &str) -> Self {
        let tone = text.bytes().last().filter(u8::is_ascii_digit).unwrap_or(b'5');
        let syllable = text.trim_end_matches(|c: char| c.is_ascii_digit()).replace('ü', "v");
        Self { syllable: syllable.chars().filter(char::is_ascii_lowercase).collect(), tone }
    }
}

fn table(text: &str) -> HashMap<char, Vec<Sound>> {
    let entries = text.split_whitespace().filter_map(|entry| {
        let mut chars = entry.chars();
        Some((chars.next()?, chars.as_str().split(',').map(Sound::parse).collect()))
    });
    entries.collect()
}

/// Moves readings to the front, and adds those that were not there.
fn prefer(sounds: &mut Vec<Sound>, usual: &[Sound]) {
    sounds.retain(|s| !usual.contains(s));
    sounds.splice(0..0, usual.iter().cloned());
}

fn keys(name: &str, apart: &Pieces) -> Vec<String> {
    let mut keys = BTreeSet::from([fold(name)]);
    for &start in &apart.starts {
        keys.insert(apart.pieces[start..].iter().map(|p| p.text.as_str()).collect());
    }
    for (rare, description) in DESCRIBED {
        keys.insert(fold(&name.replace(rare, description)));
    }
    let choices: Vec<Vec<String>> = apart.pieces.iter().map(spellings).collect();
    let others = choices
        .iter()
        .enumerate()
        .flat_map(|(at, spellings)| (1..spellings.len()).map(move |n| (at, n)));
    let changes = std::iter::once(None).chain(others.map(Some)).take(VARIANTS);
    let given = apart.starts.first().copied().unwrap_or(0);
    let family: String = apart.pieces[..given].iter().map(|p| p.text.as_str()).collect();
    for change in changes {
        let chosen = |at| change.filter(|&(changed, _)| changed == at).map_or(0, |(_, n)| n);
        let spelling = |(at, spellings): (usize, &Vec<String>)| {
            spellings.get(chosen(at)).cloned().unwrap_or_default()
        };
        let said: Vec<String> = choices.iter().enumerate().map(spelling).collect();
        let initial =
            |range: &[String]| range.iter().filter_map(|s| s.chars().next()).collect::<String>();
        keys.insert(said.concat());
        keys.insert(initial(&said));
        for &start in &apart.starts {
            keys.insert(said[start..].concat());
        }
        if given > 0 {
            let (surname, rest) = said.split_at(given);
            keys.insert(format!("{}{}", surname.concat(), initial(rest)));
            keys.insert(format!("{family}{}", initial(rest)));
            keys.insert(format!("{family}{}", rest.concat()));
        }
    }
    keys.into_iter().filter(|key| !key.is_empty()).take(60).collect()
}

/// The spellings of a piece without tone: lü is typed lv or lu, and stands as lyu in passports.
fn spellings(piece: &Piece) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for Sound { syllable, .. } in &piece.sounds {
        all.push(syllable.clone());
        if piece.han && syllable.contains('v') {
            all.extend([syllable.replace('v', "u"), syllable.replace('v', "yu")]);
        }
    }
    let mut seen = BTreeSet::new();
    all.retain(|spelling| seen.insert(spelling.clone()));
    all.truncate(READINGS);
    all
}

pub(super) fn fold(text: &str) -> String {
    let plain = DecomposingNormalizerBorrowed::new_nfkd();
    plain.normalize(text).chars().filter(|&c| is_kept(c)).flat_map(char::to_lowercase).collect()
}

/// Letters and digits of any script, and the private-use characters of old systems, which are somebody's name too.
fn is_kept(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{e000}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '\u{f0000}'..)
}

fn is_latin(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '\u{c0}'..='\u{24f}')
}

/// Marks within a word: combining accents, apostrophes.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\'' | '’' | 'ʼ')
}

/// The separator of transcribed names (U+00B7 by rule) and what is typed in its place.
fn is_dot(c: char) -> bool {
    matches!(c, '·' | '•' | '‧' | '・' | '․' | '.' | '。' | '∙' | '⋅')
}

#[cfg(test)]
mod tests;
