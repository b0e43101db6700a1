//! The source of chance that everything is handed (jitter, external ids). A test gives its own.

/// Random bits. Not a key generator: what must be unguessable says so where it is made.
pub trait Chance: Send + Sync + 'static {
    fn next_u64(&self) -> u64;

    /// A number in `0.0..1.0`.
    fn fraction(&self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
}
