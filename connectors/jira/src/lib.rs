//! Jira Cloud (REST v3) as a desk
