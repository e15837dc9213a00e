//! How the binary is linked.

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script so what it builds for")]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // The addresses that a loader fills in, as bits: a twentieth of the binary less, also in memory. Debian 12's loader and
    // later ones know them.
    let of = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if of("OS") == "linux" && of("ENV") == "gnu" && of("ARCH") == "x86_64" {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
