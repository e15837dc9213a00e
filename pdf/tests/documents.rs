//! Documents are made and looked at with poppler's tools, as a reader and a printer would: `apt-get install
//! poppler-utils fonts-noto-cjk fonts-hanazono`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fmt::Write as _, path::Path, process::Command};

use chrono::{DateTime, Utc};
use pdf::{
    Badge, BadgeSize, Badges, Certificate, Certificates, Document, Error, Fact, Fonts, Group, Line,
    Made, Sheet, SignInSheet, TableCard, TableCards,
};

/// Ordinary and rare names, and one as they are written in Xinjiang.
const NAMES: &[&str] = &[
    "张伟",
    "欧阳建国",
    "陈䶮",
    "林㛃",
    "黄𬭸",
    "周𬍛",
    "吴𠅤",
    "朱𫠙",
    "阿卜杜热合曼·麦麦提吐尔逊·艾则孜·古丽巴哈尔·努尔艾合买提江·伊敏",
];

fn at() -> DateTime<Utc> {
    "2026-10-30T09:20:00Z".parse().unwrap()
}

/// Adds a part to a document.
type Add<'a> = &'a dyn Fn(&mut Document) -> Result<(), Error>;

fn make(sheets: &[Add<'_>]) -> Made {
    let mut document = Document::new(Fonts::find(None).unwrap(), "试印", "注：试印", at());
    for add in sheets {
        add(&mut document).unwrap();
    }
    document.finish().unwrap()
}

fn one(sheet: &impl Sheet) -> Made {
    make(&[&|document| document.add(sheet)])
}

/// What `pdftotext` or another of poppler's tools makes of the document.
fn poppler(tool: &str, arguments: &[&str], made: &Made) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made.pdf");
    std::fs::write(&file, &made.pdf).unwrap();
    let mut command = Command::new(tool);
    for it in arguments {
        if *it == "FILE" {
            command.arg(&file)
        } else {
            command.arg(it)
        };
    }
    let output = command.output().unwrap_or_else(|error| panic!("{tool} (poppler-utils): {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The text of each page, in the order it is read.
fn pages(made: &Made) -> Vec<String> {
    let text = String::from_utf8(poppler("pdftotext", &["-layout", "FILE", "-"], made)).unwrap();
    let pages: Vec<_> = text.split_terminator('\u{c}').map(str::to_owned).collect();
    assert_eq!(pages.len(), made.pages);
    pages
}

/// All that is written, in the order it was set, without its spaces.
fn text(made: &Made) -> String {
    let text = String::from_utf8(poppler("pdftotext", &["-raw", "FILE", "-"], made)).unwrap();
    text.split_whitespace().collect()
}

/// What the QR codes say in a part of a page: from where, how wide and how high, in millimetres.
fn codes(made: &Made, page: &str, [x, y, width, height]: [f64; 4]) -> Vec<String> {
    let points = |millimetres: f64| format!("{:.0}", millimetres * 300.0 / 25.4);
    let (x, y, width, height) = (points(x), points(y), points(width), points(height));
    let cut = ["-x", &x, "-y", &y, "-W", &width, "-H", &height];
    let page = ["-gray", "-r", "300", "-f", page, "-l", page, "FILE"];
    let picture = poppler("pdftoppm", &[&cut[..], &page[..]].concat(), made);
    // P5, width and height, 255: three lines, then a byte for each point.
    let mut lines = picture.splitn(4, |it| *it == b'\n');
    let (_, size) = (lines.next().unwrap(), std::str::from_utf8(lines.next().unwrap()).unwrap());
    let (width, height) = size.split_once(' ').unwrap();
    let (width, height): (usize, usize) = (width.parse().unwrap(), height.parse().unwrap());
    let points = &picture[picture.len() - width * height..];
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| points[y * width + x]);
    image.detect_grids().iter().map(|it| it.decode().unwrap().1).collect()
}

fn qr(text: &str) -> String {
    let code = qrcode::QrCode::new(text).unwrap();
    let mut path = String::new();
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == qrcode::Color::Dark {
            let (x, y) = (at % code.width() + 4, at / code.width() + 4);
            write!(path, "M{x} {y}h1v1h-1z").unwrap();
        }
    }
    let size = code.width() + 8;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {size} {size}\"><path d=\"{path}\"/></svg>"
    )
}

fn line(name: &str) -> Line {
    Line {
        name: name.to_owned(),
        organisation: "温州市某某鞋革行业协会 常务副会长兼秘书长".to_owned(),
        phone: "138****1234".to_owned(),
        note: String::new(),
    }
}

fn sign_in_sheet(groups: Vec<Group>, blank: usize) -> SignInSheet {
    SignInSheet {
        title: "2026年民营企业家节开幕式签到表".to_owned(),
        facts: vec![
            Fact { label: "时间".to_owned(), text: "2026年11月1日 09:00–11:30".to_owned() },
            Fact { label: "地点".to_owned(), text: "温州人民大会堂".to_owned() },
            Fact { label: "主办".to_owned(), text: "温州市工商业联合会".to_owned() },
        ],
        signatures: vec!["签名".to_owned()],
        has_phones: true,
        groups,
        blank,
        printed: "打印时间：2026年10月30日 17:20".to_owned(),
    }
}

fn badge(name: &str, at: usize) -> Badge {
    Badge {
        name: name.to_owned(),
        organisation: "温州市某某鞋革行业协会".to_owned(),
        title: "常务副会长兼秘书长".to_owned(),
        category: ["嘉宾", "企业家", "媒体", "工作人员"][at % 4].to_owned(),
        colour: ["#a3161c", "#1d4f91", "#3a7d44", "#e0b030"][at % 4].to_owned(),
        seat: format!("3排{at}座"),
        qr: Some(qr(&format!("QL{at:010}"))),
    }
}

fn badges(size: BadgeSize, people: Vec<Badge>) -> Badges {
    Badges {
        event: "2026年温州民营企业家节".to_owned(),
        host: "温州市工商业联合会".to_owned(),
        size,
        people,
    }
}

fn certificate(name: &str) -> Certificate {
    Certificate {
        number: "温民院结字〔2026〕第0058-023号".to_owned(),
        name: name.to_owned(),
        class: "新生代温商传承研修班（第58期）".to_owned(),
        days: "2026年3月2日至3月6日".to_owned(),
        hours: "40".to_owned(),
        issuer: "温州市工商业联合会".to_owned(),
        issued_on: "2026年3月10日".to_owned(),
        verify_at: "https://qinglan.example.org/v/7K2M9QX4".to_owned(),
        qr: Some(qr("https://qinglan.example.org/v/7K2M9QX4")),
    }
}

/// Keeps a document to be looked at, where `KEEP_PDF` names a folder.
#[expect(clippy::disallowed_methods, reason = "the tests' own configuration")]
fn keep(name: &str, made: &Made) {
    if let Some(folder) = std::env::var_os("KEEP_PDF") {
        std::fs::write(Path::new(&folder).join(name), &made.pdf).unwrap();
    }
}

#[test]
fn a_sign_in_sheet_has_its_heading_on_each_page_and_blank_lines_at_its_end() {
    let people = |prefix: &str, n| (1..=n).map(|i| line(&format!("{prefix}{i:02}"))).collect();
    let rare = NAMES.iter().map(|it| line(it)).collect();
    let made = one(&sign_in_sheet(
        vec![
            Group { name: Some("鹿城区".to_owned()), lines: people("鹿", 35) },
            Group { name: Some("瑞安市".to_owned()), lines: people("瑞", 20) },
            Group { name: Some("市直".to_owned()), lines: rare },
        ],
        10,
    ));
    keep("sign-in-sheet.pdf", &made);
    let pages = pages(&made);
    for (at, page) in pages.iter().enumerate() {
        let squeezed: String = page.split_whitespace().collect();
        assert!(squeezed.contains("序号姓名单位及职务签名联系电话备注"), "page {at}: {page}");
        assert!(squeezed.contains(&format!("第{}页，共{}页", at + 1, pages.len())), "{page}");
        assert!(squeezed.contains("2026年民营企业家节开幕式签到表"), "{page}");
    }
    let all = text(&made);
    for name in ["鹿城区（35人）", "鹿01", "鹿35", "瑞20", "138****1234", "应到64人"] {
        assert!(all.contains(name), "{name}");
    }
    for name in NAMES {
        assert!(all.contains(name), "{name}");
    }
    // 64 people, and ten lines that say nothing but their number.
    let blank =
        |n: u32| pages.iter().flat_map(|it| it.lines()).any(|it| it.trim() == n.to_string());
    assert!((65..=74).all(blank), "{}", pages.join("\n"));
    assert!(!blank(64) && !blank(75));
    assert_eq!(made.missing, []);
}

#[test]
fn a_page_of_a_sign_in_sheet_has_between_25_and_30_lines() {
    let made = one(&sign_in_sheet(
        vec![Group { name: None, lines: (0..100).map(|i| line(&format!("人{i:03}"))).collect() }],
        0,
    ));
    let counts: Vec<_> = pages(&made).iter().map(|it| it.matches('人').count()).collect();
    // The second page is the first that is full and has no heading of the whole.
    assert!((25..=32).contains(&counts[1]), "{counts:?}");
}

#[test]
fn a_sheet_of_two_sessions_numbers_the_pages_of_each() {
    let sheet = |title: &str| SignInSheet {
        title: title.to_owned(),
        signatures: vec!["上午".to_owned(), "下午".to_owned()],
        has_phones: false,
        ..sign_in_sheet(
            vec![Group { name: None, lines: (0..40).map(|_| line("李四")).collect() }],
            5,
        )
    };
    let (first, second) = (sheet("第一讲签到表"), sheet("第二讲签到表"));
    let made = make(&[&|it| it.add(&first), &|it| it.add(&second)]);
    keep("two-sessions.pdf", &made);
    let pages = pages(&made);
    assert_eq!(pages.len(), 4);
    for (at, page) in pages.iter().enumerate() {
        let squeezed: String = page.split_whitespace().collect();
        assert!(squeezed.contains("单位及职务上午下午备注"), "{page}");
        assert!(squeezed.contains(["第一讲", "第二讲"][at / 2]), "{page}");
        assert!(squeezed.contains(&format!("第{}页，共2页", at % 2 + 1)), "{page}");
    }
}

#[test]
fn badges_are_ten_to_a_sheet_or_one_to_a_page_and_their_codes_can_be_scanned() {
    let people = |n| (0..n).map(|at| badge(NAMES[at % NAMES.len()], at)).collect();
    let made = one(&badges(BadgeSize::Card, people(12)));
    keep("badges.pdf", &made);
    assert_eq!(made.pages, 2);
    assert_eq!(made.missing, []);
    let all = text(&made);
    for name in NAMES.iter().filter(|it| it.chars().count() < 10) {
        assert!(all.contains(name), "{name}: {all}");
    }
    for at in 0..10u8 {
        let (column, row) = (f64::from(at % 2), f64::from(at / 2));
        let card = [15.0 + 90.0 * column, 13.5 + 54.0 * row, 90.0, 54.0];
        assert_eq!(codes(&made, "1", card), [format!("QL{at:010}")]);
    }

    let made = one(&badges(BadgeSize::Lanyard, people(9)));
    keep("lanyards.pdf", &made);
    assert_eq!(made.pages, 9);
    assert_eq!(codes(&made, "9", [0.0, 0.0, 86.0, 118.0]), ["QL0000000008"]);
}

#[test]
fn a_table_card_has_the_name_on_both_halves() {
    let people = NAMES.iter().map(|it| TableCard { name: (*it).to_owned() }).collect();
    let made = one(&TableCards { people });
    keep("table-cards.pdf", &made);
    assert_eq!(made.pages, NAMES.len());
    let raw = String::from_utf8(poppler("pdftotext", &["-raw", "FILE", "-"], &made)).unwrap();
    for (page, name) in raw.split_terminator('\u{c}').zip(NAMES) {
        let mut found: Vec<_> = page.chars().filter(|it| !it.is_whitespace()).collect();
        let mut twice: Vec<_> = name.chars().chain(name.chars()).collect();
        found.sort_unstable();
        twice.sort_unstable();
        assert_eq!(found, twice, "{name}");
    }
}

#[test]
fn a_certificate_says_what_was_completed_and_its_code_opens_the_page_that_verifies_it() {
    let made = one(&Certificates { people: NAMES.iter().map(|it| certificate(it)).collect() });
    keep("certificates.pdf", &made);
    assert_eq!(made.pages, NAMES.len());
    let all = text(&made);
    for it in NAMES.iter().copied().chain([
        "结业证书",
        "温民院结字〔2026〕第0058-023号",
        "新生代温商传承研修班（第58期）",
        "40学时",
        "2026年3月10日",
    ]) {
        assert!(all.contains(it), "{it}: {all}");
    }
    assert_eq!(
        codes(&made, "1", [0.0, 0.0, 297.0, 210.0]),
        ["https://qinglan.example.org/v/7K2M9QX4"]
    );
}

#[test]
fn a_character_that_no_font_has_is_shown_by_its_number_and_reported() {
    // The last code point of a plane that has none yet, an emoji, and one that each system draws as it likes.
    let name = "王\u{3fffd}\u{e863}明\u{1f9d1}";
    let made = one(&TableCards { people: vec![TableCard { name: name.to_owned() }] });
    keep("missing.pdf", &made);
    let (shown, reported) = (text(&made), &made.missing[0]);
    assert!(shown.contains("王□(U+3FFFD)□(U+E863)明□(U+1F9D1)"), "{shown}");
    assert_eq!(reported.text, name);
    assert_eq!(reported.characters, ['\u{3fffd}', '\u{e863}', '\u{1f9d1}']);
    assert_eq!(made.missing.len(), 1);
}

#[test]
fn what_people_wrote_is_set_as_text_whatever_it_says() {
    let hostile = [
        "#import \"/etc/passwd\": *",
        "#panic()",
        "*粗* _斜_ $x^2$ `code` @label <label>",
        "\\u{5f20} \\n // /* = 标题",
        "]}{[#(\"'",
        "李\u{0}四\r\n\t五",
        "\u{202e}倒过来",
        "",
    ];
    let mut lines: Vec<_> = hostile.iter().map(|it| line(it)).collect();
    lines.push(Line {
        organisation: "极长的单位名称".repeat(60), ..line(&"长".repeat(300))
    });
    let made = one(&sign_in_sheet(vec![Group { name: Some("#g".to_owned()), lines }], 3));
    keep("hostile.pdf", &made);
    let all = text(&made);
    for it in &hostile[..5] {
        let squeezed: String = it.split_whitespace().collect();
        assert!(all.contains(&squeezed), "{it}: {all}");
    }
    assert!(all.contains("李□(U+0000)四五"), "{all}");
    assert!(all.contains("倒过来"));
    // The name, the organisation, and 副会长兼秘书长 of the others.
    assert_eq!(all.matches('长').count(), 300 + 60 + 2 * hostile.len());
    assert_eq!(made.missing.len(), 1);
    assert_eq!(made.missing[0].characters, ['\0']);

    let made = one(&Certificates { people: hostile.iter().map(|it| certificate(it)).collect() });
    assert_eq!(made.pages, hostile.len());
    let made = one(&TableCards {
        people: hostile.iter().map(|it| TableCard { name: (*it).to_owned() }).collect(),
    });
    assert_eq!(made.pages, hostile.len());
    let long = (0..4).map(|at| badge(&"长".repeat(80), at)).collect();
    let made = one(&badges(BadgeSize::Card, long));
    assert_eq!(made.pages, 1);
}

#[test]
fn without_fonts_it_is_said_what_to_install() {
    let empty = tempfile::tempdir().unwrap();
    let error = Fonts::find(Some(empty.path())).err().unwrap().to_string();
    for it in ["Noto Serif CJK SC 700", &empty.path().display().to_string(), "fonts-noto-cjk"] {
        assert!(error.contains(it), "{error}");
    }
}

#[test]
fn a_thousand_are_one_document_made_in_pieces() {
    let mut document = Document::new(Fonts::find(None).unwrap(), "胸卡", "", at());
    for piece in 0..10 {
        let people = (0..100).map(|at| badge(NAMES[at % NAMES.len()], piece * 100 + at)).collect();
        document.add(&badges(BadgeSize::Card, people)).unwrap();
    }
    let made = document.finish().unwrap();
    keep("thousand.pdf", &made);
    assert_eq!(made.pages, 100);
    let all = text(&made);
    assert!((0..1000).all(|at| all.contains(&format!("3排{at}座"))));
}
