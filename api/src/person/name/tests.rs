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
    let expected = "丁二 卜一 匕一 王一 王小丁 邓一 苏一 张　伟 陈一 林丁 欧阳一 郑一 单卜 黄一 Ab";
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
