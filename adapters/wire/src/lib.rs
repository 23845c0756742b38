//! Events as CloudEvents 1.0 structured JSON; the only place that knows field and header names.
