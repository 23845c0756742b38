//! What the program logs, however much it is asked to.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use comptoir_stage::http;
use tempfile::tempdir;

use crate::program::{Program, command};

const PASSWORD: &str = "hush-4711-hush";
const WRONG: &str = "other-0815-other";
const JWT_SECRET: &str = "signed-with-this-and-nobody-may-see-it";
/// A name that is none, and forges a line where it is logged as it is.
const HOSTILE: &str = "mallory%0a2026-01-01T00%3A00%3A00Z%20ERROR%20forged%1b%5B2J";

/// One request as it is written; gives the whole answer.
fn send(port: u16, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let length = body.len();
    write!(
        stream,
        "{head}\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn no_password_token_or_secret_is_ever_logged_and_nothing_breaks_a_line() {
    let data = tempdir().unwrap();
    let log = data.path().join("log");
    let mut program = command(&data.path().join("shop"));
    program.env("RUST_LOG", "trace").env("JWT_SECRET", JWT_SECRET);
    program.stderr(File::create(&log).unwrap());
    let program = Program::start_by(&mut program);
    let (users, payments) = (program.port("users"), program.port("payments"));

    let form = format!("username=alice&password={PASSWORD}");
    let json = format!(r#"{{"username":"bob","password":"{PASSWORD}"}}"#);
    assert!(send(users, "POST /register HTTP/1.1", &form).contains(" 201 "));
    assert!(send(users, "POST /register HTTP/1.1", &json).contains(" 400 "));
    let token = http::post(users, "/login", &form).unwrap().json();
    let token = token["token"].as_str().unwrap().to_owned();
    assert!(send(users, "POST /login HTTP/1.1", &form.replace(PASSWORD, WRONG)).contains(" 401 "));
    assert!(send(users, &format!("GET /login?password={PASSWORD} HTTP/1.1"), "").contains(" 405 "));
    let bearer = format!("Authorization: Bearer {token}");
    assert!(send(users, &format!("GET /me HTTP/1.1\r\n{bearer}"), "").contains(" 200 "));
    assert!(send(payments, &format!("POST /pay HTTP/1.1\r\n{bearer}"), "").contains(" 202 "));
    let changed = format!("{bearer}x");
    assert!(send(payments, &format!("POST /pay HTTP/1.1\r\n{changed}"), "").contains(" 401 "));
    let twice = format!("{bearer}\r\n{bearer}");
    assert!(send(users, &format!("GET /me HTTP/1.1\r\n{twice}"), "").contains(" 401 "));
    for head in [format!("POST /{HOSTILE} HTTP/1.1"), format!("GET /me HTTP/1.1\r\nX: {HOSTILE}")] {
        assert!(send(users, &head, "").contains(" 40"), "{head}");
    }
    let hostile = format!("username={HOSTILE}&password={PASSWORD}");
    assert!(send(users, "POST /register HTTP/1.1", &hostile).contains(" 422 "));
    assert!(send(users, "POST /login HTTP/1.1", &hostile).contains(" 401 "));
    program.signal("TERM");
    assert!(program.wait().success());

    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("DEBUG") && log.contains("answered"), "it logs as much as it can: {log}");
    let signature = token.rsplit_once('.').unwrap().1;
    let stored = "$pbkdf2";
    for secret in [PASSWORD, WRONG, JWT_SECRET, &token, signature, stored] {
        let told: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(told.is_empty(), "{secret}: {told:?}");
    }
    // Bytes as their numbers are shown by some.
    let numbers: Vec<_> = PASSWORD.bytes().map(|byte| byte.to_string()).collect();
    assert!(!log.contains(&numbers.join(", ")), "a password as a list of bytes");
    let control = |c: char| c.is_control() && c != '\n';
    assert!(!log.chars().any(control), "control characters");
    let odd: Vec<_> = log.lines().filter(|line| !line.starts_with("20")).collect();
    assert!(odd.is_empty(), "every line is one that began as such: {odd:?}");
    assert!(!log.lines().any(|line| line.contains("ERROR forged") && !line.contains("%20forged")));
}
