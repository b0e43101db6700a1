//! Answers and refusals in the voice of each wire protocol.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};

const REQUEST_ID: &str = "7a62c49f-347e-4fc4-9331-6e8eEXAMPLE0";

/// A reply as it goes onto the wire.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    content_type: &'static str,
    /// Error type, for services that say it in a header.
    error_type: Option<String>,
    body: String,
}

impl Answer {
    pub fn json(body: &Value) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            error_type: None,
            body: body.to_string(),
        }
    }

    /// JSON of something large, written once.
    pub fn json_of(body: &impl serde::Serialize) -> Self {
        Self {
            body: serde_json::to_string(body).unwrap_or_default(),
            ..Self::json(&Value::Null)
        }
    }

    pub fn xml(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "text/xml;charset=utf-8",
            error_type: None,
            body,
        }
    }

    pub fn html(body: &str) -> Self {
        Self {
            status: 200,
            content_type: "text/html",
            error_type: None,
            body: body.to_owned(),
        }
    }

    /// The first half of the body, under a length that says it is the whole.
    pub fn cut_in_half(mut self) -> Self {
        let mut middle = self.body.len() / 2;
        while !self.body.is_char_boundary(middle) {
            middle -= 1;
        }
        self.body.truncate(middle);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        if let Some(Ok(kind)) = self.error_type.as_deref().map(HeaderValue::from_str) {
            headers.insert(HeaderName::from_static("x-amzn-errortype"), kind);
        }
        response
    }
}

/// A call that is not answered with what it asked for.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    /// As `service` would write it.
    pub fn answer(&self, service: &str) -> Answer {
        let (code, message) = (escape(&self.code), escape(&self.message));
        match service {
            "ec2" => Answer::xml(
                self.status,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
                ),
            ),
            "s3" => Answer::xml(
                self.status,
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>{message}</Message><RequestId>{REQUEST_ID}</RequestId></Error>"
                ),
            ),
            "iam" | "sts" => {
                let kind = if self.status < 500 {
                    "Sender"
                } else {
                    "Receiver"
                };
                Answer::xml(
                    self.status,
                    format!(
                        "<ErrorResponse xmlns=\"{}\"><Error><Type>{kind}</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{REQUEST_ID}</RequestId></ErrorResponse>",
                        namespace(service)
                    ),
                )
            }
            _ => {
                let body = json!({ "__type": self.code, "message": self.message, "Message": self.message });
                Answer {
                    status: self.status,
                    error_type: Some(self.code.clone()),
                    ..Answer::json(&body)
                }
            }
        }
    }
}

/// XML namespace of a query protocol.
pub fn namespace(service: &str) -> &'static str {
    if service == "iam" {
        "https://iam.amazonaws.com/doc/2010-05-08/"
    } else {
        "https://sts.amazonaws.com/doc/2011-06-15/"
    }
}

/// Text as XML element content.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
