//! The files of the live page and of the topic console, embedded in the program.
//!
//! A page is one HTML document, sent for every path that shows it ([`Site::index`]), and its
//! scripts and styles under `/assets/<version>/` ([`Site::get`]). The version is a hash over all
//! of them: a browser may keep them for ever and never mixes two versions.
//!
//! There is no build step: libraries are served as they lie in `ui/`, byte for byte, and a page's
//! own modules and sheets joined into one file each, so that a page takes few requests.

mod merge;
mod policy;
mod site;

use std::sync::LazyLock;

pub use site::Site;
use site::{File, files};

/// Own modules, joined; that it works is a matter of what is embedded, and tested.
macro_rules! modules {
    ($($path:literal),* $(,)?) => {
        merge::merge(&[$(($path, include_str!(concat!("../ui/", $path)))),*])
            .unwrap_or_else(|error| panic!("{error}"))
    };
}

static LIVE: LazyLock<Site> = LazyLock::new(|| {
    Site::new(
        include_str!("../ui/live/index.html"),
        VENDOR,
        vec![
            (
                "live/page.js",
                modules![
                    "shared/ui.js",
                    "live/lines.js",
                    "live/list.js",
                    "live/stream.js",
                    "live/place.js",
                    "live/announce.js",
                    "live/try.js",
                    "live/drawer.js",
                    "live/keys.js",
                    "live/page.js",
                ],
            ),
            (
                "live/page.css",
                concat!(include_str!("../ui/shared/base.css"), include_str!("../ui/live/live.css"))
                    .to_owned(),
            ),
        ],
    )
});

static CONSOLE: LazyLock<Site> = LazyLock::new(|| {
    Site::new(
        include_str!("../ui/console/index.html"),
        VENDOR,
        vec![
            (
                "console/page.js",
                modules![
                    "shared/ui.js",
                    "console/data.js",
                    "console/overview.js",
                    "console/messages.js",
                    "console/topic.js",
                    "console/dead.js",
                    "console/group.js",
                    "console/page.js",
                ],
            ),
            (
                "console/page.css",
                concat!(
                    include_str!("../ui/shared/base.css"),
                    include_str!("../ui/console/console.css")
                )
                .to_owned(),
            ),
        ],
    )
});

/// Libraries as their authors published them; `ui/vendor/vendor.lock` holds their hashes. The
/// licences ask to go where the code goes.
const VENDOR: &[File] = files![
    "vendor/preact@11.2.0/preact.mjs",
    "vendor/preact@11.2.0/hooks.mjs",
    "vendor/preact@11.2.0/LICENSE",
    "vendor/htm@3.1.1/htm.mjs",
    "vendor/htm@3.1.1/LICENSE",
    "vendor/@preact/signals@2.11.4/signals.mjs",
    "vendor/@preact/signals@2.11.4/LICENSE",
    "vendor/@preact/signals-core@1.14.5/signals-core.mjs",
    "vendor/@preact/signals-core@1.14.5/LICENSE",
];

/// The live page; its document belongs to `/`.
pub fn live() -> &'static Site {
    &LIVE
}

/// The topic console; its document belongs to `/` and to everything under `/ui`.
pub fn console() -> &'static Site {
    &CONSOLE
}
