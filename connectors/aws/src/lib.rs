//! AWS: finding sources, watches, assumed roles
