//! A refusal in the Table API's form: `{"error": {"message", "detail"}, "status": "failure"}`.

use axum::Json;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::json;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub message: String,
    pub detail: String,
}

impl Refusal {
    pub fn new(status: StatusCode, message: &str, detail: &str) -> Self {
        Self {
            status,
            message: message.to_owned(),
            detail: detail.to_owned(),
        }
    }

    pub fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "User Not Authenticated",
            "Required to provide Auth information",
        )
    }

    pub fn no_record() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "No Record found",
            "Record doesn't exist or ACL restricts the record retrieval",
        )
    }

    pub fn no_table(table: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            &format!("Invalid table {table}"),
            "",
        )
    }

    /// An access rule, a business rule or a data policy; `detail` says which.
    pub fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "Operation Failed", detail)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let error = json!({ "message": self.message, "detail": self.detail });
        (
            self.status,
            Json(json!({ "error": error, "status": "failure" })),
        )
            .into_response()
    }
}
