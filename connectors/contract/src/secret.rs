//! Secrets in memory. `Debug` prints nothing of them; the value is wiped when dropped.

pub use secrecy::{ExposeSecret, SecretString};
