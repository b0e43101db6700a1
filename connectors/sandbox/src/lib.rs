//! Stand-ins for Jira, ServiceNow, SMTP and AWS on loopback
