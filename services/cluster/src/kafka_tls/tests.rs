use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    tls: KafkaTlsArgs,
}

/// What is wrong, and the settings that come of it.
fn checked(flags: &[&str]) -> (Vec<String>, Settings) {
    let flags = Flags::parse_from(std::iter::once(&"program").chain(flags));
    let mut problems = Problems::default();
    let mut settings = Settings::new(["localhost:9092"]);
    flags.tls.check(&mut problems, &mut settings);
    (problems.or(()).err().unwrap_or_default(), settings)
}

fn problem(flags: &[&str]) -> String {
    let (lines, _) = checked(flags);
    let [line] = &lines[..] else { panic!("{flags:?} gives {lines:?}") };
    line.clone()
}

#[test]
fn off_is_the_same_as_nothing() {
    for flags in [&[][..], &["--kafka-tls=off"], &["--kafka-tls= \n", "--kafka-tls-ca-file="]] {
        assert_eq!(checked(flags).0, Vec::<String>::new(), "{flags:?}");
    }
}

#[cfg(not(feature = "kafka-tls"))]
#[test]
fn nobody_believes_to_be_encrypted() {
    for switch in ["on", "true", "of"] {
        let told = problem(&[&format!("--kafka-tls={switch}"), "--kafka-tls-ca-file=ca.pem"]);
        assert!(told.starts_with("KAFKA_TLS: this program was built without TLS"), "{told}");
    }
    for flags in
        [&["--kafka-tls-ca-file=ca.pem"][..], &["--kafka-tls=off", "--kafka-tls-ca-file=ca.pem"]]
    {
        let told = problem(flags);
        assert!(told.starts_with("KAFKA_TLS_CA_FILE: this program was built without"), "{told}");
    }
}

#[cfg(feature = "kafka-tls")]
mod built_in {
    use super::*;

    /// Beside the tests of the other TLS there is a key that everybody knows, and an authority's
    /// certificate; their `make` says what they are.
    const PAPERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../adapters/mongodb/tls/papers");

    fn file(path: &str) -> String {
        format!("--kafka-tls-ca-file={path}")
    }

    #[test]
    fn authorities_come_from_a_file() {
        let (lines, settings) = checked(&["--kafka-tls=on", &file(&format!("{PAPERS}/ca.pem"))]);
        assert_eq!(lines, Vec::<String>::new());
        assert!(settings.tls.is_some());
    }

    #[test]
    fn a_file_without_authorities_is_named() {
        let told = problem(&["--kafka-tls=on", &file("/nowhere/ca.pem")]);
        assert!(told.starts_with("KAFKA_TLS_CA_FILE: /nowhere/ca.pem cannot be used: "), "{told}");
        let told = problem(&["--kafka-tls=on", &file(&format!("{PAPERS}/server.key"))]);
        assert!(told.ends_with("server.key holds no certificate"), "{told}");
    }

    #[test]
    fn a_file_goes_with_the_switch() {
        for switch in [&[][..], &["--kafka-tls=off"]] {
            let told = problem(&[switch, &[&file("/nowhere/ca.pem")]].concat());
            assert_eq!(told, "KAFKA_TLS_CA_FILE: is of no use without KAFKA_TLS=on");
        }
        assert_eq!(problem(&["--kafka-tls=yes", &file("x")]), "KAFKA_TLS: must be on or off");
    }
}
