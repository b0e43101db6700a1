//! The one HTTP client every REST connector uses
