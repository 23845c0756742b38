//! What a person sees first: where everything is, and what to try.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use comptoir_embedded::Recovered;

use crate::config::Ports;

/// What the banner tells.
pub(crate) struct Banner<'a> {
    pub(crate) ports: Ports,
    pub(crate) host: &'a str,
    pub(crate) data_dir: &'a Path,
    pub(crate) recovered: Recovered,
    pub(crate) took: Duration,
}

impl Banner<'_> {
    /// Prints it to standard output. Whoever closed that does not want it.
    pub(crate) fn print(&self) {
        let _ = io::stdout().lock().write_all(self.text().as_bytes());
    }

    fn text(&self) -> String {
        let Self { host, data_dir, recovered, took, .. } = self;
        let Ports { logs, users, payments, inventories, console, .. } = self.ports;
        let (version, folder) = (env!("CARGO_PKG_VERSION"), data_dir.display());
        let found = match (recovered.topics, recovered.records) {
            (0, _) => "new".to_owned(),
            (topics, records) => format!("{topics} topics, {records} records"),
        };
        let ready = took.as_millis();
        format!(
            r#"
  Comptoir {version}   ready in {ready} ms   {folder}: {found}

     Live page   http://{host}:{logs}     press Pay and watch it travel
     Topics      http://{host}:{console}     records, groups, lag
     Users       http://{host}:{users}
     Payments    http://{host}:{payments}
     Stock       http://{host}:{inventories}/stock

  Try it:
     curl -X POST -d "username=alice&password=secret" http://{host}:{users}/register
     curl -X POST -d "username=alice&password=secret" http://{host}:{users}/login
     curl -X POST http://{host}:{payments}/pay

  Lines appear on the live page; warnings appear here. Ctrl-C stops.

"#
        )
    }
}

/// Says that the stop has begun.
pub(crate) fn stopping() {
    let _ = io::stdout().lock().write_all(b"  stopping: finishing what is in hand\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_a_screen_and_its_curl_lines_can_be_copied() {
        let banner = Banner {
            ports: Ports {
                logs: 3000,
                users: 3001,
                payments: 3002,
                inventories: 3003,
                notifications: 3004,
                console: 8080,
            },
            host: "localhost",
            data_dir: Path::new("./data"),
            recovered: Recovered { records: 1_204, topics: 8 },
            took: Duration::from_millis(412),
        };
        let text = banner.text();
        assert!(text.lines().count() <= 18, "{text}");
        assert!(text.lines().all(|line| line.len() <= 100), "{text}");
        let curl =
            r#"curl -X POST -d "username=alice&password=secret" http://localhost:3001/register"#;
        assert!(text.contains(curl), "{text}");
    }
}
