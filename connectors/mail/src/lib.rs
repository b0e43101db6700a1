//! Mail over SMTP
