//! Who may use whom: what ARCHITECTURE.md says of the code is true.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The domains: a folder each, with `graphql.rs` beside the rules.
const DOMAINS: &[&str] = &[
    "account",
    "activity",
    "attendance",
    "attendee",
    "audit",
    "capacity",
    "certificate",
    "class",
    "credit",
    "device",
    "export",
    "form",
    "job",
    "live",
    "leave",
    "organisation",
    "outbox",
    "person",
    "privacy",
    "programme",
    "registration",
    "roster",
    "self_check_in",
    "session",
    "ticket",
];

/// Which module writes which table, and nobody else.
const OWNERS: &[(&str, &str)] = &[
    ("account", "account"),
    ("activity", "activity"),
    ("answer", "form"),
    ("answer_file", "form"),
    ("api_key", "account"),
    ("attempt", "account"),
    ("attendance", "attendance"),
    ("attendee_code", "attendee"),
    ("attendee_limit", "attendee"),
    ("audit_anchor", "audit"),
    ("audit_event", "audit"),
    ("audit_head", "audit"),
    ("bulk_act", "registration"),
    ("bulk_row", "registration"),
    ("capacity_pool", "capacity"),
    ("category", "activity"),
    ("certificate", "certificate"),
    ("certificate_counter", "certificate"),
    ("certificate_face", "certificate"),
    ("certificate_pattern", "certificate"),
    ("change_horizon", "device"),
    ("class", "class"),
    ("class_group", "class"),
    ("class_member", "class"),
    ("consent", "privacy"),
    ("correction", "attendance"),
    ("course_work", "credit"),
    ("credit_entry", "credit"),
    ("credit_rule", "credit"),
    ("data_key", "vault"),
    ("data_request", "privacy"),
    ("decision", "registration"),
    ("device", "device"),
    ("device_activity", "device"),
    ("erasure", "privacy"),
    ("excuse", "attendance"),
    ("export", "export"),
    ("export_chunk", "export"),
    ("export_people", "export"),
    ("export_view", "export"),
    ("form_reply", "form"),
    ("hook_event", "outbox"),
    ("idempotency_key", "write"),
    ("job", "job"),
    ("leave", "leave"),
    ("linked_identity", "account"),
    ("make_up", "credit"),
    ("message", "outbox"),
    ("message_template", "outbox"),
    ("notice", "attendee"),
    ("notice_sent", "privacy"),
    ("organisation", "organisation"),
    ("past_password", "account"),
    ("person", "person"),
    ("person_term", "person"),
    ("position", "person"),
    ("programme", "programme"),
    ("provider_trip", "account"),
    ("purge", "privacy"),
    ("purge_line", "privacy"),
    ("question", "form"),
    ("recovery_code", "account"),
    ("refresh_token", "account"),
    ("registration", "registration"),
    ("registration_gone", "registration"),
    ("retention_rule", "privacy"),
    ("role_grant", "account"),
    ("roster_batch", "roster"),
    ("roster_row", "roster"),
    ("scan", "attendance"),
    ("second_factor", "account"),
    ("self_registration", "attendee"),
    ("self_scan", "self_check_in"),
    ("series", "class"),
    ("session", "session"),
    ("sign_in", "account"),
    ("signing_key", "authn"),
    ("tally", "attendance"),
    ("ticket_revocation", "ticket"),
    ("ticket_secret", "ticket"),
    ("trainer", "class"),
    ("transfer", "privacy"),
    ("upload", "roster"),
    ("webhook", "outbox"),
    ("withdrawal", "privacy"),
    ("wrong_code", "self_check_in"),
];

/// Files that are longer than 400 lines, and how long they may be.
const LONG: &[(&str, usize)] = &[
    // Signing in, accounts and grants: the mutations of all three.
    ("account/graphql/mutation.rs", 480),
    // Three types and their interface.
    ("activity/graphql.rs", 610),
    ("activity/mod.rs", 600),
    // An attempt, and what comes of it.
    ("attendance/scan.rs", 420),
    ("attendee/graphql.rs", 420),
    ("attendee/mod.rs", 425),
    ("authn.rs", 430),
    // The gate, and all that goes through it.
    ("authz.rs", 430),
    // A line for each action.
    ("authz/policy.rs", 420),
    // An export, and its views and columns.
    ("export/graphql.rs", 440),
    ("outbox/graphql.rs", 420),
    ("person/graphql.rs", 560),
    ("person/mod.rs", 495),
    ("person/name.rs", 460),
    ("registration/graphql.rs", 600),
    // A way in is an input and a mutation.
    ("registration/graphql/ways.rs", 430),
    ("roster/graphql.rs", 450),
    // What a session is, and what it is made from.
    ("session/graphql.rs", 450),
];

/// Who writes a table that is another's, and why.
const BESIDE: &[(&str, &str)] = &[
    // A list puts those it has in its order, and takes its registrations along when it is taken back.
    ("roster/commit.rs", "registration"),
    ("roster/undo.rs", "registration"),
    // The span of an activity is that of its sessions.
    ("session/mod.rs", "activity"),
    // A code is revoked and made anew where the others of its kind are kept.
    ("ticket/mod.rs", "registration"),
];

struct File {
    /// From `api/src` on.
    path: String,
    /// Without comments, and without what follows `#[cfg(test)]`.
    code: String,
    lines: usize,
}

impl File {
    fn domain(&self) -> Option<&str> {
        let (folder, _) = self.path.split_once('/')?;
        DOMAINS.contains(&folder).then_some(folder)
    }

    fn is_graphql(&self) -> bool {
        self.path.ends_with("graphql.rs") || self.path.contains("/graphql/")
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

fn source() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 50, "where is the code?");
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: Vec<&str> =
            code.lines().map(|it| it.split("//").next().unwrap_or_default()).collect();
        File {
            path: path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
            code: code.join("\n"),
            lines: text.lines().count(),
        }
    };
    paths.iter().map(read).collect()
}

/// Whether code names something: the word, and not a part of a longer one.
fn names(code: &str, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    code.match_indices(word).any(|(at, _)| {
        !is_part(code[..at].chars().next_back()) && !is_part(code[at + word.len()..].chars().next())
    })
}

#[track_caller]
fn nowhere(words: &[&str], within: impl Fn(&File) -> bool) {
    let mut found = Vec::new();
    for file in source().iter().filter(|it| within(it)) {
        for word in words {
            if names(&file.code, word) {
                found.push(format!("{} names {word}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_domain_is_held_to_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let with_graphql: Vec<String> = source()
        .iter()
        .filter_map(|it| it.path.strip_suffix("/graphql.rs").map(str::to_owned))
        .filter(|it| it != "http" && root.join(it).is_dir())
        .collect();
    let unknown: Vec<_> =
        with_graphql.iter().filter(|it| !DOMAINS.contains(&it.as_str())).collect();
    assert!(unknown.is_empty(), "add {unknown:?} to DOMAINS, and their tables to OWNERS");
}

#[test]
fn graphql_asks_the_domain_and_not_the_database() {
    nowhere(&["sea_orm", "Entity", "Column", "ActiveModel"], |it| {
        it.domain().is_some() && it.is_graphql()
    });
}

#[test]
fn a_domain_knows_nothing_of_who_asks_by_which_road() {
    // `Viewer` alone is the role, too.
    let words = [
        "Context",
        "graphql::Viewer",
        "&Viewer",
        "Viewer::of",
        "async_graphql::Context",
        "axum",
        "http",
    ];
    nowhere(&words, |it| it.domain().is_some() && !it.is_graphql());
}

#[test]
fn only_the_start_asks_for_the_time() {
    nowhere(&["Utc::now", "Local::now", "SystemTime::now"], |it| it.path != "main.rs");
}

#[test]
fn only_the_configuration_reads_the_environment() {
    nowhere(&["env::var", "env::var_os", "env::vars"], |it| it.path != "config.rs");
}

#[test]
fn only_one_module_asks_which_database_it_is() {
    nowhere(&["DbBackend", "get_database_backend", "DatabaseBackend"], |it| {
        it.path != "db.rs" && !it.path.starts_with("db/")
    });
}

#[test]
fn roads_do_not_query() {
    nowhere(&["Entity", "Column", "ActiveModel"], |it| {
        it.path.starts_with("http") || it.path == "metrics.rs"
    });
}

#[test]
fn nothing_is_global() {
    nowhere(&["static mut", "OnceLock", "LazyLock", "OnceCell", "thread_local"], |_| true);
}

#[test]
fn a_table_is_written_by_its_owner_alone() {
    let owners: BTreeMap<&str, &str> = OWNERS.iter().copied().collect();
    let mut found = Vec::new();
    for file in source() {
        let flat: String = file.code.chars().filter(|it| !it.is_whitespace()).collect();
        for verb in ["insert", "insert_absent", "update"] {
            if flat.contains(&format!("many::{verb}(")) {
                found.push(format!("{} does not say which table it writes to", file.path));
            }
        }
        for (table, owner) in &owners {
            let own = file.path.split('/').next() == Some(owner)
                || BESIDE.contains(&(file.path.as_str(), table));
            for verb in [
                "insert",
                "insert_many",
                "update",
                "update_many",
                "delete",
                "delete_many",
                "delete_by_id",
            ] {
                if !own && names(&flat, &format!("{table}::Entity::{verb}")) {
                    found.push(format!("{} writes {table}, which is {owner}'s", file.path));
                }
            }
            for verb in ["insert", "insert_absent", "update"] {
                if !own && flat.contains(&format!("many::{verb}::<{table}::Entity>")) {
                    found.push(format!("{} writes {table}, which is {owner}'s", file.path));
                }
            }
            if !own && names(&file.code, &format!("{table}::ActiveModel")) {
                found.push(format!("{} makes a row of {table}, which is {owner}'s", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_table_has_an_owner() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../entity/src");
    let mut files = Vec::new();
    walk(&folder, &mut files);
    let mut tables: Vec<String> = files
        .iter()
        .map(|it| it.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|it| it != "lib" && it != "id")
        .collect();
    tables.sort();
    let owned: Vec<&str> = OWNERS.iter().map(|it| it.0).collect();
    assert_eq!(tables, owned, "see to OWNERS");
}

#[test]
fn a_file_is_one_thing() {
    let allowed: BTreeMap<&str, usize> = LONG.iter().copied().collect();
    let found: Vec<String> = source()
        .iter()
        .filter(|it| it.lines > allowed.get(it.path.as_str()).copied().unwrap_or(400))
        .map(|it| format!("{} has {} lines", it.path, it.lines))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn modules_are_named_after_what_they_do() {
    for file in source() {
        for part in file.path.trim_end_matches(".rs").split('/') {
            let layer = [
                "service",
                "services",
                "repository",
                "repositories",
                "util",
                "utils",
                "common",
                "helper",
                "helpers",
                "model",
                "models",
                "dto",
                "manager",
                "misc",
                "shared",
            ];
            assert!(!layer.contains(&part), "{}", file.path);
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["api/src", "entity/src", "migration/src", "pdf/src", "roster/src"] {
        walk(&root.join(folder), &mut files);
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for mark in [
            concat!("TO", "DO"),
            concat!("FIX", "ME"),
            concat!("XX", "X:"),
            concat!("unimplemented", "!"),
        ] {
            assert!(!names(&text, mark), "{}: {mark}", file.display());
        }
    }
}

#[test]
fn layers_do_not_reach_upwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (folder, others) in [
        ("entity/src", &["migration", "api", "async_graphql", "axum", "roster"][..]),
        ("migration/src", &["entity", "api", "async_graphql", "axum", "roster"]),
        ("roster/src", &["entity", "migration", "api", "async_graphql", "axum", "sea_orm"]),
    ] {
        let mut files = Vec::new();
        walk(&root.join(folder), &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            for line in text.lines().filter(|it| it.trim_start().starts_with("use ")) {
                let first = line.trim_start()[4..].split("::").next().unwrap_or_default();
                assert!(
                    !others.contains(&first.trim_end_matches(';')),
                    "{}: {line}",
                    file.display()
                );
            }
        }
    }
}

/// The names before the first bar of each line of the tables.
fn tabled(text: &str, under: &str) -> BTreeSet<String> {
    let part = text.split(under).nth(1).unwrap_or_else(|| panic!("no {under:?}"));
    let lines = part.lines().skip_while(|it| !it.starts_with("|---")).skip(1);
    let cells = lines.take_while(|it| it.starts_with('|')).filter_map(|it| it.split('|').nth(1));
    cells.flat_map(|it| it.split(',')).map(|it| it.trim().to_owned()).collect()
}

/// The packages of the workspace.
const OURS: [&str; 5] = ["api", "entity", "migration", "pdf", "roster"];

#[test]
fn every_dependency_is_said_to_be_for_something() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let table = read("docs/dependencies.md");
    let told: Vec<String> = ["## Of the service", "## Of `roster` and `pdf`", "## Of the tests"]
        .iter()
        .flat_map(|it| tabled(&table, it))
        .collect();
    let mut once = BTreeSet::new();
    let twice: Vec<_> = told.iter().filter(|it| !once.insert(it.as_str())).collect();
    assert!(twice.is_empty(), "docs/dependencies.md has {twice:?} twice");

    let mut used = BTreeSet::new();
    for package in OURS {
        let manifest = read(&format!("{package}/Cargo.toml"));
        let mut within = false;
        for line in manifest.lines() {
            if line.starts_with('[') {
                within = line.ends_with("dependencies]");
            } else if let Some((name, _)) =
                line.split_once(['=', '.']).filter(|it| within && !it.0.starts_with('#'))
            {
                used.insert(name.trim().to_owned());
            }
        }
    }
    used.retain(|it| !OURS.contains(&it.as_str()));
    let told: BTreeSet<String> = told.into_iter().collect();
    let untold: Vec<_> = used.difference(&told).collect();
    let unused: Vec<_> = told.difference(&used).collect();
    assert!(untold.is_empty() && unused.is_empty(), "not told: {untold:?}; not used: {unused:?}");

    let clients: serde_json::Value =
        serde_json::from_str(&read("api/tests/node/package.json")).unwrap();
    let clients: BTreeSet<String> =
        clients["dependencies"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(tabled(&table, "| package of npm |"), clients);
}
