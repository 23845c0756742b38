//! Describes the groups of a cluster: members, what they own, and how far behind they are.
//!
//! ```text
//! cargo run -p kafka-groups --example groups -- 127.0.0.1:9092 [GROUP..]
//! ```

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use kafka_groups::admin::{Admin, GroupInfo};
use kafka_groups::offsets::{self, Spot};
use kafka_groups::{Cluster, KafkaError, Settings, TopicPartition};

const TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let broker = words.next().unwrap_or_else(|| "127.0.0.1:9092".to_owned());
    let cluster = Cluster::new(Settings::new([broker]));
    match show(&cluster, words.collect()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}: {:?}", std::error::Error::source(&error));
            ExitCode::FAILURE
        }
    }
}

async fn show(cluster: &Cluster, mut names: Vec<String>) -> Result<(), KafkaError> {
    let admin = Admin::new(cluster, TIMEOUT);
    if names.is_empty() {
        names = admin.groups().await?.into_iter().map(|listed| listed.group).collect();
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let mut committed = admin.committed(&names).await?;
    for group in admin.describe_groups(&names).await? {
        let offsets = committed.remove(&group.group).unwrap_or_default();
        let places: Vec<_> = offsets.keys().cloned().collect();
        let ends = offsets::list(cluster, &places, Spot::Latest).await?;
        print(&group, &offsets, &ends);
    }
    Ok(())
}

type Offsets = HashMap<TopicPartition, i64>;

fn print(group: &GroupInfo, committed: &Offsets, ends: &Offsets) {
    let mut out = std::io::stdout().lock();
    let mut lines = vec![format!("{} ({:?}, {})", group.group, group.kind, group.state)];
    for member in &group.members {
        let owned: Vec<_> = member.assigned.iter().map(ToString::to_string).collect();
        lines.push(format!("  {} at {} owns {}", member.member, member.host, owned.join(" ")));
    }
    let mut places: Vec<_> = committed.iter().collect();
    places.sort();
    for (at, offset) in places {
        let lag = ends.get(at).map_or(0, |end| end - offset);
        lines.push(format!("  {at} committed {offset}, {lag} behind"));
    }
    // Whoever reads the output may be gone.
    let _ = writeln!(out, "{}", lines.join("\n"));
}
