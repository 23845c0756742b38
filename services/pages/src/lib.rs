//! The files of the live page and of the topic console, embedded in the program.
//!
//! A page is one HTML document, sent for every path that shows it ([`Site::index`]), and its
//! scripts and styles under `/assets/<version>/` ([`Site::get`]). The version is a hash over all
//! of them: a browser may keep them for ever, never mixes two versions, and the modules import
//! each other by plain relative paths, as they lie in `ui/`.
//!
//! There is no build step: what is served is what is in `ui/`, byte for byte, save the address of
//! the version in the HTML.

mod policy;
mod site;

use std::sync::LazyLock;

pub use site::Site;
use site::{File, files};

static LIVE: LazyLock<Site> = LazyLock::new(|| {
    Site::new(
        include_str!("../ui/live/index.html"),
        &[
            VENDOR,
            files![
                "shared/ui.js",
                "live/page.js",
                "live/lines.js",
                "live/list.js",
                "live/stream.js",
                "live/try.js",
                "live/drawer.js",
                "live/keys.js",
            ],
            &[File {
                path: "live/page.css",
                bytes: concat!(
                    include_str!("../ui/shared/base.css"),
                    include_str!("../ui/live/live.css")
                )
                .as_bytes(),
            }],
        ],
    )
});

static CONSOLE: LazyLock<Site> = LazyLock::new(|| {
    Site::new(
        include_str!("../ui/console/index.html"),
        &[
            VENDOR,
            files![
                "shared/ui.js",
                "console/page.js",
                "console/data.js",
                "console/overview.js",
                "console/topic.js",
                "console/messages.js",
                "console/group.js",
            ],
            &[File {
                path: "console/page.css",
                bytes: concat!(
                    include_str!("../ui/shared/base.css"),
                    include_str!("../ui/console/console.css")
                )
                .as_bytes(),
            }],
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
