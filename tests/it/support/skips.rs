//! Tests that need what not every machine has.

use std::io::Write;

/// Says that `test` does not run here and why. Where everything must run (`scripts/test` sets `POAMD_TEST_ALL`), that is
/// a failure.
pub fn skipped(test: &str, why: &str) {
    let all = std::env::var_os("POAMD_TEST_ALL").is_some();
    assert!(!all, "POAMD_TEST_ALL is set, and {test} cannot run: {why}");
    // Written past the test harness, which would swallow it.
    let _ = writeln!(std::io::stderr(), "skipped: {test} ({why})");
}
