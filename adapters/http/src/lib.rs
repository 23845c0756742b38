//! The HTTP edge: serving warp filters, bodies, problems, bearer tokens, upgrades.
