//! ServiceNow (Table API) as a desk
