//! Political status and people, by their full names.

use super::text;

/// The full name for the short ones; anything else stays as typed.
#[must_use]
pub fn political(raw: &str) -> Option<String> {
    let typed = text(raw)?;
    let full = match typed.as_str() {
        "党员" | "中共" => "中共党员",
        "预备党员" => "中共预备党员",
        "团员" => "共青团员",
        "民建" => "民建会员",
        "民盟" => "民盟盟员",
        "民革" => "民革党员",
        "民进" => "民进会员",
        "农工" | "农工党" => "农工党党员",
        "致公" | "致公党" => "致公党党员",
        "九三" => "九三学社社员",
        "无党派" => "无党派人士",
        _ => return Some(typed),
    };
    Some(full.to_owned())
}

/// The people with 族 behind it.
#[must_use]
pub fn ethnicity(raw: &str) -> Option<String> {
    let typed = text(raw)?;
    Some(if typed.ends_with('族') { typed } else { format!("{typed}族") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_become_full() {
        for (raw, full) in [
            ("党员", "中共党员"),
            ("中共", "中共党员"),
            ("预备党员", "中共预备党员"),
            ("团员", "共青团员"),
            ("民建", "民建会员"),
            ("民盟", "民盟盟员"),
            ("民革", "民革党员"),
            ("民进", "民进会员"),
            ("农工", "农工党党员"),
            ("农工党", "农工党党员"),
            ("致公", "致公党党员"),
            ("致公党", "致公党党员"),
            ("九三", "九三学社社员"),
            ("无党派", "无党派人士"),
            ("群众", "群众"),
            ("台盟", "台盟"),
        ] {
            assert_eq!(political(raw).as_deref(), Some(full));
        }
        assert_eq!(ethnicity("汉").as_deref(), Some("汉族"));
        assert_eq!(ethnicity("维吾尔族").as_deref(), Some("维吾尔族"));
        assert_eq!(ethnicity("/"), None);
    }
}
