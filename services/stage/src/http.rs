//! One request on a connection of its own.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The most that any answer may take: a long poll of thirty seconds, and some.
const ANSWER_TIME: Duration = Duration::from_secs(40);

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    pub form: &'a str,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
    head: String,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

pub fn get(port: u16, path: &str) -> io::Result<Answer> {
    send(port, Request { method: "GET", path, headers: &[], form: "" })
}

pub fn post(port: u16, path: &str, form: &str) -> io::Result<Answer> {
    send(port, Request { method: "POST", path, headers: &[], form })
}

/// Asks, and takes the answer. An error means that nobody knows what became of it, save
/// [`io::ErrorKind::ConnectionRefused`]: then nobody was asked.
pub fn send(port: u16, request: Request<'_>) -> io::Result<Answer> {
    let Request { method, path, headers, form } = request;
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    let kind = (!form.is_empty()).then_some(("content-type", "application/x-www-form-urlencoded"));
    let headers = headers.iter().copied().chain(kind);
    let headers: Vec<_> = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = form.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{form}"
    )?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    let cut_short = || io::Error::other(format!("cut short: {text:?}"));
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(cut_short)?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let answer = Answer {
        status: status.ok_or_else(cut_short)?,
        body: body.to_owned(),
        head: head.to_owned(),
    };
    let declared = answer.header("content-length").and_then(|length| length.parse().ok());
    if declared.is_some_and(|declared: usize| declared != body.len()) {
        return Err(cut_short());
    }
    Ok(answer)
}
