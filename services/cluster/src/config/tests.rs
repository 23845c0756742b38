use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    cluster: ClusterArgs,
    #[command(flatten)]
    mongo: MongoArgs,
    #[command(flatten)]
    secret: SecretArgs,
}

fn problems(flags: &[&str]) -> Vec<String> {
    let flags = Flags::parse_from(std::iter::once(&"program").chain(flags));
    let mut problems = Problems::default();
    let prefix = flags.cluster.check(&mut problems).common.topic_prefix;
    flags.mongo.check(&mut problems, &prefix);
    flags.secret.check(&mut problems);
    problems.or(()).err().unwrap_or_default()
}

const SECRET: &str = "--jwt-secret=0123456789abcdef0123456789abcdef";

#[test]
fn a_secret_is_all_that_is_needed() {
    assert_eq!(problems(&[SECRET]), Vec::<String>::new());
    let lines = problems(&[]);
    assert!(matches!(&lines[..], [line] if line.starts_with("JWT_SECRET: ")), "{lines:?}");
    assert_eq!(problems(&["--jwt-secret=short"]).len(), 1);
}

#[test]
fn every_problem_is_told() {
    let lines = problems(&[
        SECRET,
        "--kafka-brokers=here",
        "--kafka-group-protocol=new",
        "--kafka-sasl-mechanism=GSSAPI",
        "--mongodb-uri=http://here",
        "--topic-partitions=0",
    ]);
    let named: Vec<_> = lines.iter().filter_map(|line| line.split(':').next()).collect();
    let expected = [
        "KAFKA_BROKERS",
        "KAFKA_GROUP_PROTOCOL",
        "KAFKA_SASL_MECHANISM",
        "TOPIC_PARTITIONS",
        "MONGODB_URI",
    ];
    assert_eq!(named, expected, "{lines:?}");
}

#[test]
fn a_prefix_suits_topics_and_databases_alike() {
    assert_eq!(problems(&[SECRET, "--topic-prefix=shop_eu-1"]), Vec::<String>::new());
    // The first is legal for topics alone, the second for neither.
    for wrong in ["shop.eu.", "shop/eu", &"a".repeat(31)] {
        let lines = problems(&[SECRET, &format!("--topic-prefix={wrong}")]);
        let told = matches!(&lines[..], [line] if line.starts_with("TOPIC_PREFIX: "));
        assert!(told, "{wrong} gives {lines:?}");
    }
}

#[test]
fn blanks_around_a_value_are_no_part_of_it() {
    let lines = problems(&[
        SECRET,
        "--mongodb-uri= mongodb://here\n",
        "--kafka-sasl-mechanism=PLAIN\n",
        "--kafka-sasl-username=u\n",
        "--kafka-sasl-password=p\n",
    ]);
    assert_eq!(lines, Vec::<String>::new());
    // None of them says anything.
    let blank = ["--mongodb-uri= ", "--kafka-sasl-username=\n", "--kafka-sasl-password= "];
    assert_eq!(problems(&[&[SECRET][..], &blank].concat()), Vec::<String>::new());
}

#[test]
fn brokers_are_hosts_with_ports() {
    for good in ["kafka:9092", "a.b-c_d:1, [::1]:9092", "127.0.0.1:65535"] {
        assert_eq!(problems(&[SECRET, &format!("--kafka-brokers={good}")]), Vec::<String>::new());
    }
    for wrong in ["http://kafka:9092", "kafka", "kafka:", ":9092", "kafka:0", "a:1,,b:2", "a b:1"] {
        let lines = problems(&[SECRET, &format!("--kafka-brokers={wrong}")]);
        let told = matches!(&lines[..], [line] if line.starts_with("KAFKA_BROKERS: "));
        assert!(told, "{wrong} gives {lines:?}");
    }
}

#[test]
fn a_login_is_whole_or_absent() {
    let mechanism = "--kafka-sasl-mechanism=SCRAM-SHA-256";
    let (name, password) = ("--kafka-sasl-username=u", "--kafka-sasl-password=p");
    assert_eq!(problems(&[SECRET, mechanism, name, password]), Vec::<String>::new());
    for some in [&[mechanism][..], &[mechanism, name], &[name], &[password, name]] {
        let lines = problems(&[&[SECRET], some].concat());
        let told = matches!(&lines[..], [line] if line.starts_with("KAFKA_SASL_MECHANISM: "));
        assert!(told, "{some:?} gives {lines:?}");
    }
}

#[test]
fn secrets_do_not_show() {
    let flags = [SECRET, "--kafka-sasl-password=hush", "--mongodb-uri=mongodb://u:hush@h"];
    let flags = Flags::parse_from(std::iter::once("program").chain(flags));
    let shown = format!("{flags:?}");
    assert!(!shown.contains("hush") && !shown.contains("0123456789abcdef"), "{shown}");
}

#[test]
fn a_password_that_spoils_its_connection_string_does_not_show() {
    for uri in [
        "mongodb://u:hush/hush@h",
        "mongodb://u:hush@hush@h",
        "mongodb://u:hush:hush@h",
        "mongodb://u:hush?hush@h",
        "mongodb://u:hush#hush@h",
        "mongodb://u:hush%zz@h",
        "mongodb://u:hush@h:port",
        "mongo://u:hush@h",
    ] {
        let lines = problems(&[SECRET, &format!("--mongodb-uri={uri}")]);
        let told = matches!(&lines[..], [line] if line.starts_with("MONGODB_URI: "));
        assert!(told && !lines[0].contains("hush"), "{uri}: {lines:?}");
    }
}
