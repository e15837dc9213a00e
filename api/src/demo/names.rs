//! Made-up people: names as they occur, with the ones that software gets wrong, and phones that nobody has.

use entity::person::Gender;

use super::chance::Chance;
use crate::person::Entry;

/// No carrier has been given these segments, to our knowledge.
pub const SEGMENTS: [&str; 7] = ["142", "143", "154", "160", "164", "168", "169"];

/// Common in Wenzhou, the commonest more than once.
const COMMON: &str = "陈陈陈陈林林林林王王王黄黄黄叶叶张张李李郑郑周周吴吴徐徐朱朱胡胡金金潘杨蔡谢\
    赵孙夏邱郭何章戴项倪施尤木麻池南姜诸季虞董曹方江包温余汪冯钱沈卢苏程许吕卓柯缪谷游侯白邵邹厉尹杜高";
/// Read otherwise as surnames than as words.
const TRICKY: &str = "单仇解查曾区盖缪乐翟朴覃任华钭尉冼繁召";
const COMPOUND: [&str; 9] =
    ["欧阳", "司马", "上官", "诸葛", "尉迟", "万俟", "令狐", "夏侯", "皇甫"];
const MALE: &str =
    "伟强军勇杰涛明超刚平辉鹏飞波斌宇浩凯健俊毅峰磊旭锋建国文海志永光晓庆忠林成龙家豪子轩一鸣展";
const FEMALE: &str =
    "芳娜敏静丽艳娟霞秀兰燕玲桂英丹萍红玉洁莉琼雪梅琳晶倩云慧巧美雅婷佳怡欣悦诗涵若曦思妍乐";
/// Characters that keyboards, fonts or old systems lack; the last four are outside the Basic Multilingual Plane.
const RARE: &str = "䶮㛃喆堃犇龑𠅤𬱖𫖯𪟝";
/// Names that are written with U+00B7 in between: of what people, what sons and daughters are called, and families.
const MINORITY: [Minority; 3] = [
    (
        "维吾尔族",
        ["买买提江", "阿卜杜热西提", "艾尼瓦尔"],
        ["古丽娜尔", "迪丽努尔", "阿依夏木"],
        ["吐尔逊", "艾合买提", "买买提", "阿不都热合曼"],
    ),
    (
        "哈萨克族",
        ["叶尔波力", "巴合提", "努尔兰"],
        ["阿依古丽", "古丽扎提", "叶尔克西"],
        ["哈山", "木拉提", "胡安别克", "沙依提"],
    ),
    ("彝族", ["阿牛", "木呷", "拉日"], ["阿支", "尔西", "伍呷"], ["吉克", "阿苏", "沙马", "吉木"]),
];
type Minority = (&'static str, [&'static str; 3], [&'static str; 3], [&'static str; 4]);
/// Borne by several people each.
const NAMESAKES: [(&str, Gender); 6] = [
    ("陈伟", Gender::Male),
    ("林建国", Gender::Male),
    ("王芳", Gender::Female),
    ("黄晓静", Gender::Female),
    ("单晓明", Gender::Male),
    ("欧阳雪", Gender::Female),
];
const POLITICAL: [&str; 6] =
    ["中共党员", "民建会员", "民盟盟员", "九三学社社员", "致公党党员", "无党派人士"];

/// Makes people, no two with the same name and phone.
pub(super) struct People {
    common: Vec<char>,
    tricky: Vec<char>,
    rare: Vec<char>,
    male: Vec<char>,
    female: Vec<char>,
    made: usize,
    /// The one before, as long as nobody shares their phone.
    before: Option<(String, String)>,
}

impl People {
    pub(super) fn new() -> Self {
        let chars = |text: &str| text.chars().collect();
        Self {
            common: chars(COMMON),
            tricky: chars(TRICKY),
            rare: chars(RARE),
            male: chars(MALE),
            female: chars(FEMALE),
            made: 0,
            before: None,
        }
    }

    /// Somebody new.
    pub(super) fn one(&mut self, chance: &mut Chance) -> Entry {
        self.made += 1;
        let (name, gender, ethnicity) = self.named(chance);
        // An office's or a secretary's phone, given for two people.
        let shared = self.before.take_if(|(other, _)| chance.happens(2) && *other != name);
        let phone = if let Some((_, phone)) = shared {
            phone
        } else {
            let phone = self.phone();
            // Namesakes differ in their phones, which are never given twice by this arm.
            self.before = Some((name.clone(), phone.clone()));
            phone
        };
        Entry {
            name,
            phone,
            email: None,
            id_no: None,
            gender: Some(gender),
            birth: chance
                .happens(70)
                .then(|| format!("{}-{:02}", chance.between(1958, 2001), chance.between(1, 12))),
            ethnicity: ethnicity
                .or_else(|| chance.happens(60).then_some("汉族"))
                .map(str::to_owned),
            political: chance.happens(35).then(|| (*chance.one_of(&POLITICAL)).to_owned()),
        }
    }

    fn named(&self, chance: &mut Chance) -> (String, Gender, Option<&'static str>) {
        let gender = if chance.happens(68) { Gender::Male } else { Gender::Female };
        match chance.below(1000) {
            0..8 => {
                let (people, sons, daughters, families) = chance.one_of(&MINORITY);
                let given = chance.one_of(if gender == Gender::Male { sons } else { daughters });
                let family = chance.one_of(families);
                // The Yi put the family first.
                let name = match *people {
                    "彝族" => format!("{family}·{given}"),
                    _ => format!("{given}·{family}"),
                };
                (name, gender, Some(people))
            }
            8..18 => {
                let surname = *chance.one_of(&self.common);
                (format!("{surname}{}", chance.one_of(&self.rare)), gender, None)
            }
            18..33 => {
                let (name, gender) = *chance.one_of(&NAMESAKES);
                (name.to_owned(), gender, None)
            }
            roll => {
                let surname = match roll {
                    33..93 => chance.one_of(&self.tricky).to_string(),
                    93..118 => (*chance.one_of(&COMPOUND)).to_owned(),
                    _ => chance.one_of(&self.common).to_string(),
                };
                (surname + &self.given(gender, chance), gender, None)
            }
        }
    }

    fn given(&self, gender: Gender, chance: &mut Chance) -> String {
        let from = if gender == Gender::Male { &self.male } else { &self.female };
        (0..chance.between(1, 4).min(2)).map(|_| *chance.one_of(from)).collect()
    }

    /// A number that was not given before: a step that shares no factor with the numbers there are meets each once.
    fn phone(&self) -> String {
        const NUMBERS: usize = 100_000_000;
        let number = (self.made * 48_271_093 + 20_261_101) % NUMBERS;
        format!("{}{number:08}", SEGMENTS[self.made % SEGMENTS.len()])
    }
}
