//! What a person's name sorts and is found by: its reading, its sort keys and its search keys. Nothing here
//! reads or writes; the name itself is stored and shown as entered.
//!
//! **Columns.** On `person`: `pinyin` and `initials` (shown), `stroke_key` and `pinyin_key` (BLOB / bytea, indexed
//! for ordering). In a child table `person_key (key TEXT, person_id, PRIMARY KEY (key, person_id))` one row per
//! entry of [`Reading::keys`]; `key` must compare bytewise: `COLLATE "C"` on `PostgreSQL`, the default `BINARY` on
//! `SQLite`. A search is then the range `key >= ? AND key < ?` of [`Query::range`], which both answer from the index
//! (they do not so answer `LIKE 'x%'`: one is blind to case there, the other needs its own operator class).
//! Store [`EDITION`] beside the keys: rows of an older edition have to be read again.
//!
//! **Surnames.** General dictionaries read 单 as dan; as a surname it is shan. The tables below put that right.
//! A person who is called otherwise has the reading stored, and [`Namer::read_as`] uses it.

use std::collections::{BTreeSet, HashMap};

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::locale;
use icu_normalizer::DecomposingNormalizerBorrowed;
use pinyin::ToPinyinMulti;

/// Raise it when a table here, the `pinyin` crate or ICU changes: sort keys of two editions do not compare.
pub const EDITION: i32 = 1;

/// Readings of one name that are kept for search, at most; each differs from the first in one character.
const VARIANTS: usize = 8;
/// Readings of one character, at most: dictionaries list many that nobody is called by.
const READINGS: usize = 5;

/// Surnames of one character that a dictionary misreads, or that have more than one reading (the usual one first).
const SURNAMES: &str = "
    单shan4 仇qiu2 解xie4 查zha1 曾zeng1 区ou1 盖ge3,gai4 缪miao4 乐yue4,le4 翟zhai2,di2 朴piao2 覃qin2,tan2 华hua4
    任ren2 钭tou3 黑he4,hei1 秘bi4 冼xian3 折she2 繁po2 员yun4 贠yun4 句gou1 勾gou1 隗wei3,kui2 种chong2 葛ge3 纪ji3
    宁ning2,ning4 甯ning4 那na1 尉wei4 召shao4 逄pang2 乜nie4 佴nai4 厍she4 晁chao2 郇xun2,huan2 哈ha3 牟mu4,mou2
    行xing2 尹yin3 车che1 石shi2 应ying1 燕yan1 过guo1 曲qu1 麴qu1 俞yu2 谌chen2,shen4 祭zhai4 洗xian3 盛sheng4
    占zhan1 强qiang2 宓mi4,fu2 相xiang4 訾zi1 撒sa4 阚kan4 费fei4,bi4 贲ben1 贾jia3 藏zang1 臧zang1 薄bo2 柏bai3
    重chong2 卜bu3 令ling2 台tai2 都du1 角jue2 能nai4 要yao1 么yao1 幺yao1 术zhu2 褚chu3 郗xi1,chi1 郄qie4,xi4
    郤xi4 莘shen1,xin1 眭sui1 宿su4 隋sui2 瞿qu2 湛zhan4 妫gui1 炅gui4,jiong3 晟cheng2,sheng4 颉xie2 粘nian2
    庹tuo3 仉zhang3 亓qi2 綦qi2 缑gou1 茆mao2 恽yun4 昝zan3 殳shu1 呙guo1 遆ti2 逯lu4 郏jia2 邰tai2 隽juan4 圈juan4
    冠guan4 观guan4 少shao4 适kuo4,shi4 亢kang4 干gan1 肖xiao1 佘she2 佟tong2 仝tong2 叶ye4 沈shen3 殷yin1 郝hao3
    侯hou2 冯feng2 陆lu4 苑yuan4 嵇ji1 稽ji1 长zhang3 俱ju1 莞guan3 滑hua2 汤tang1 庞pang2 舍she4 参shen1 降jiang4
    谷gu3 万wan4 俟qi2,si4 朝chao2 洪hong2 斜xie2 鲜xian1 衣yi1 来lai2 旗qi2 便pian2 㛃jie2 䶮yan3";

/// Surnames of two characters, with the reading of each.
const COMPOUNDS: &str = "
    欧阳ou1yang2 司马si1ma3 上官shang4guan1 诸葛zhu1ge3 东方dong1fang1 皇甫huang2fu3 尉迟yu4chi2 公孙gong1sun1
    慕容mu4rong2 长孙zhang3sun1 宇文yu3wen2 司徒si1tu2 令狐ling2hu2 澹台tan2tai2 单于chan2yu2 万俟mo4qi2
    夏侯xia4hou2 钟离zhong1li2 端木duan1mu4 轩辕xuan1yuan2 南宫nan2gong1 西门xi1men2 东郭dong1guo1 百里bai3li3
    呼延hu1yan2 赫连he4lian2 申屠shen1tu2 濮阳pu2yang2 淳于chun2yu2 太史tai4shi3 太叔tai4shu1 公冶gong1ye3
    公羊gong1yang2 公西gong1xi1 公良gong1liang2 宗政zong1zheng4 仲孙zhong4sun1 叔孙shu1sun1 颛孙zhuan1sun1
    鲜于xian1yu2 闾丘lv2qiu1 司空si1kong1 司寇si1kou4 亓官qi2guan1 子车zi3ju1 漆雕qi1diao1 乐正yue4zheng4
    壤驷rang3si4 拓跋tuo4ba2 独孤du2gu1 夹谷jia2gu3 宰父zai3fu3 谷梁gu3liang2 榖梁gu3liang2 段干duan4gan1
    羊舌yang2she2 微生wei1sheng1 梁丘liang2qiu1 左丘zuo3qiu1 东门dong1men2 第五di4wu3 巫马wu1ma3 完颜wan2yan2
    耶律ye1lv4 纳兰na4lan2 那拉na4la1 贺兰he4lan2 哥舒ge1shu1 尔朱er3zhu1 屈突qu1tu1 达奚da2xi1 叱干chi4gan1
    欧陽ou1yang2 諸葛zhu1ge3 長孫zhang3sun1 尉遲yu4chi2 司馬si1ma3";

/// Characters of given names whose first reading in the dictionary is not the one that people are called by.
const GIVEN: &str =
    "晟sheng4 珩heng2 卜bu3 长chang2 率shuai4 泊bo2 勒le4 塞sai4 薄bo2 阚kan4 炅jiong3 着zhe5";

/// How a character that keyboards lack is described on forms, so that the description finds its bearer.
const DESCRIBED: [(char, &str); 1] = [('䶮', "龙天")];

/// Surnames by their number of strokes, and within it by the strokes themselves (一丨丿丶乛), as the national standard
/// 通用规范汉字表 has them. ICU's stroke order counts as Taiwan does (艹 4, 阝 3, 辶 4), which puts 陈, 黄, 郑 and 苏 a
/// stroke too far for an official list.
const STROKES: &str = "
    1 乙 2 丁卜刁刀力乜 3 干于才寸大万上小山么广门义之弓子卫女飞习马幺 4 丰王开井亓天元韦云木支太区尤车巨戈少贝
    水牛毛长化仇仉公风乌勾殳卞六文亢方火计户心尹巴孔邓双毋 5 玉未正甘艾古本术左厉石龙平东北占卢帅叶甲申田由史叱
    冉四丘付代白仝丛令用印尔乐句冬包邝冯玄闪兰头宁让训记永司民召加皮边圣台母 6 匡邢戎吉老巩扬朴权过西厍百有达成
    夹尧毕至师光曲团吕年朱竹乔伍伏延仲任华自伊向行全危名多邬色冲庄庆刘齐衣次闫闭问羊关米江池汤宇字安祁许农那阮孙
    阳阴如好观牟红纪 7 麦贡赤折志芮花苍严芦劳苏杜巫极李杨束豆来连轩坚肖时吴员呙岑利兵邱何但佟位余佘希谷龟邸狄角
    彤邹言况应冷辛冶间闵汪沙沃沈怀忻完宋良初灵迟张陆阿陈陀妙妫邵邰纳 8 奉武青拓者幸耶茂苗英苟茆苑范茅林松杭郁奇
    欧郏叔卓虎尚果国昌畅明易炅迪呼罗牧和季侍岳佴征舍金郄瓮朋肥周郇鱼冼庞庚於郑单炎法波宗官空宓郎房居屈孟降参练终
    经 9 㛃春封持项城政赵贲郝荆茶荀荣胡茹南柯相查柏柳树要郦威䶮战是星贵思哈钟钦钭钮拜郜适香种秋重笃段便顺修信皇
    泉鬼禹侯俟俊须俞郗郤胜独逄昝饶将施闻闾美姜娄洪洗洛济恒恽宣宫冠祖祝费胥姚贺骆 10 泰秦珠班敖袁都挚耿聂莱莫莘晋
    莞真桂桓桐索哥栗贾夏破原顾柴党晟晓晁晏恩钱铁特秘俱倪隽徐殷爱奚翁卿逢凌栾高郭席唐郸烟涛浦海涂宾容宰诸诺谈展剧
    陶姬能桑 11 堵黄乾萧梅曹戚龚盛雪常眭晨蛇鄂崔圈银矫笪符第得盘斜象祭庹麻康鹿章商阎盖粘清渠淳梁寇宿谌扈逯尉屠隋
    隗隆巢 12 琴越颉揭喜彭揣斯葛董敬蒋韩朝辜植森惠覃粟斐紫赏遇景喻黑智嵇程傅焦储舒鲁斌童遆善普道曾湛温滑游寒富甯
    禄谢强缐缑 13 瑞鄢鄞靳蓝蒯蓟蓬蒲蒙楚楼裘赖甄雷訾虞路简微詹鲍解廉靖新雍阙满源窦褚福群 14 静赫榖綦慕蔡蔺蔚臧辕
    裴管毓鲜雒廖端旗阚漆赛谭谯翟熊缪 15 撒樊暴颛墨镇稽黎滕颜潜潘禤 16 燕薛薄霍冀穆衡澹 17 戴鞠藏檀魏繁濮 18 瞿
    20 壤酆";

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
mod tests {
    use super::*;

    fn namer() -> Namer {
        Namer::new().expect("collation data")
    }

    fn sorted(names: &[&str], key: impl Fn(Reading) -> Vec<u8>) -> String {
        let reader = namer();
        let mut names = names.to_vec();
        names.sort_by_key(|name| key(reader.read(name)));
        names.join(" ")
    }

    fn finds(name: &str, typed: &str) -> bool {
        let (from, to) = query(typed).expect("something to search by").range();
        namer().read(name).keys.iter().any(|key| *key >= from && *key < to)
    }

    #[test]
    fn surnames_are_read_as_surnames() {
        let expected = "单shan 仇qiu 解xie 查zha 曾zeng 区ou 盖ge 缪miao 乐yue 翟zhai 朴piao 覃qin 华hua 任ren 钭tou
            黑he 秘bi 冼xian 折she 繁po 员yun 句gou 隗wei 种chong 葛ge 纪ji 宁ning 那na 尉wei 召shao 逄pang 乜nie
            佴nai 厍she 晁chao 郇xun 哈ha 牟mu 行xing 尹yin 车che 石shi 应ying 燕yan 过guo 曲qu 俞yu 谌chen 祭zhai
            洗xian 盛sheng 占zhan 强qiang 宓mi 相xiang 訾zi 撒sa 阚kan 费fei 贲ben 贾jia 藏zang 薄bo 柏bai 重chong
            吕lv 沈shen 叶ye 冯feng 陆lu 郝hao 殷yin 侯hou 夏xia 万wan 江jiang 石shi 䶮yan 𬭸lin";
        let namer = namer();
        for entry in expected.split_whitespace() {
            let at = entry.find(|c: char| c.is_ascii()).expect("a reading");
            let reading = namer.read(&format!("{}明", &entry[..at]));
            assert_eq!(reading.pinyin, format!("{} ming", &entry[at..]), "{entry}");
        }
        let compounds =
            "尉迟yu chi 万俟mo qi 长孙zhang sun 令狐ling hu 澹台tan tai 欧阳ou yang 诸葛zhu ge
            皇甫huang fu 闾丘lv qiu 乐正yue zheng 单于chan yu";
        let mut words = compounds.split_whitespace();
        while let (Some(one), Some(two)) = (words.next(), words.next()) {
            let at = one.find(|c: char| c.is_ascii()).expect("a reading");
            let reading = namer.read(&format!("{}志明", &one[..at]));
            assert_eq!(reading.pinyin, format!("{} {two} zhi ming", &one[at..]), "{one}");
        }
        assert_eq!(COMPOUNDS.split_whitespace().count(), namer.compounds.len());
        assert_eq!(namer.read("单于飞").pinyin, "shan yu fei");
        assert!(finds("单于飞", "chanyu"));
    }

    #[test]
    fn every_kind_of_name_has_a_reading() {
        let namer = namer();
        let said = |name: &str| {
            let reading = namer.read(name);
            (reading.pinyin, reading.initials)
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(said("单小明"), pair("shan xiao ming", "sxm"));
        assert_eq!(said("张　伟"), pair("zhang wei", "zw"));
        assert_eq!(said("赵晟"), pair("zhao sheng", "zs"));
        assert_eq!(said("单增·卓玛").0, "dan zeng zhuo ma");
        assert_eq!(said("阿卜杜拉·买买提"), pair("a bu du la mai mai ti", "abdlmmt"));
        assert_eq!(said("John O'Neil-Müller"), pair("john oneil muller", "jom"));
        assert_eq!(said("张\u{e000}明"), pair("zhang ming", "zm"));
        assert_eq!(said("ئابدۇللا"), pair("", ""));
        assert_eq!(said(""), pair("", ""));
        assert!(namer.read("张\u{e000}明").keys.contains(&"张\u{e000}明".to_owned()));
        let own = namer.read_as("单小明", "dan1 xiao ming");
        assert_eq!((own.pinyin.as_str(), own.initials.as_str()), ("dan xiao ming", "dxm"));
        assert_eq!(namer.read_as("𠮷野", "Ji Ye").pinyin, "ji ye");
        assert_eq!(namer.read_as("买买提", "mehmet").pinyin, "mehmet");
    }

    #[test]
    fn lists_stand_in_order() {
        let names = [
            "黄一",
            "林丁",
            "陈一",
            "单卜",
            "苏一",
            "张　伟",
            "王小丁",
            "郑一",
            "邓一",
            "卜一",
            "丁二",
            "欧阳一",
            "王一",
            "匕一",
            "Ab",
        ];
        let expected =
            "丁二 卜一 匕一 王一 王小丁 邓一 苏一 张　伟 陈一 林丁 欧阳一 郑一 单卜 黄一 Ab";
        assert_eq!(sorted(&names, |r| r.stroke_key), expected);
        let names = [
            "山一",
            "单小明",
            "单大明",
            "邓一",
            "申一",
            "李阳",
            "梁一",
            "厉一",
            "张伟",
            "章伟",
            "张雨",
            "张",
            "John",
            "ئابدۇ",
        ];
        let expected = "邓一 John 李阳 厉一 梁一 山一 单大明 单小明 申一 张 张伟 张雨 章伟 ئابدۇ";
        assert_eq!(sorted(&names, |r| r.pinyin_key), expected);
    }

    #[test]
    fn a_person_is_found_by_what_people_type() {
        for typed in [
            "单",
            "单小",
            "小明",
            "shanxiaoming",
            "shan xiao",
            "Shan Xiao M",
            "sxm",
            "dan",
            "chan",
            "dxm",
            "xiaoming",
            "shanxm",
            "单xm",
            "单xiao",
            "ｓｈａｎ",
            "单 小明",
        ] {
            assert!(finds("单小明", typed), "{typed}");
        }
        for typed in ["xming", "明", "单明", "san", "s m"] {
            assert!(!finds("单小明", typed), "{typed}");
        }
        assert!(
            finds("覃海", "qinhai")
                && finds("覃海", "tanhai")
                && finds("吕布", "lvbu")
                && finds("吕布", "lubu")
        );
        assert!(
            finds("吕布", "lyu")
                && finds("李䶮", "liyan")
                && finds("李䶮", "ly")
                && finds("李䶮", "李（龙天）")
        );
        assert!(finds("阿卜杜拉·买买提", "阿卜杜拉买") && finds("阿卜杜拉·买买提", "买买提"));
        assert!(
            finds("阿卜杜拉•买买提", "maimaiti")
                && finds("John Smith", "smith")
                && finds("José", "jose")
        );
        assert!(namer().read("行重乐单曾朴种").keys.len() <= 60);
        assert!(namer().read("王伟").keys.len() <= 12, "{:?}", namer().read("王伟").keys);
    }

    #[test]
    fn a_query_is_told_by_its_characters() {
        let phone = |text: &str| Some(Query::Phone(text.to_owned()));
        assert_eq!(query("+86 138-0013-8000"), phone("13800138000"));
        assert_eq!(query("１３８"), phone("138"));
        assert_eq!(query("8000"), phone("8000"));
        assert_eq!(query("张 伟"), Some(Query::Han("张伟".to_owned())));
        assert_eq!(query(" Zhang W "), Some(Query::Latin("zhangw".to_owned())));
        assert_eq!(query(" %_ "), None);
    }
}
