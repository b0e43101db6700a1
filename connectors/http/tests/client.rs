//! The client against servers that behave and servers that do not, on loopback.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use poamd_contract::error::Retry;
use poamd_contract::secret::SecretString;
use poamd_http::{Call, Client, Endpoint, Method, Options, SignIn};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

fn words(json: &Value) -> Option<String> {
    json["message"].as_str().map(str::to_owned)
}

fn client_with(url: &str, timeout: Duration, in_flight: usize) -> Client {
    let endpoint = Endpoint {
        timeout,
        ..Endpoint::new(url.parse().unwrap())
    };
    let sign_in = SignIn::Basic {
        user: "bot@example.org".into(),
        password: SecretString::from("hunter2-token"),
    };
    Client::new(
        endpoint,
        sign_in,
        Options {
            in_flight,
            error_text: words,
        },
    )
    .unwrap()
}

fn client(url: &str) -> Client {
    client_with(url, Duration::from_secs(60), 4)
}

fn write() -> Call {
    Call::write(Method::POST, "thing", json!({"a": 1}))
}

/// Reads one request: head and announced body.
async fn request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        bytes.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return text;
            }
            continue;
        };
        let wanted = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")
                    .map(|n| n.parse::<usize>().unwrap())
            })
            .unwrap_or(0);
        if body.len() >= wanted || n == 0 {
            return text;
        }
    }
}

/// Answers every connection with the same bytes, then closes it. Gives the address and what was asked.
async fn server(answer: impl Into<Vec<u8>>) -> (String, Arc<std::sync::Mutex<Vec<String>>>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = request(&mut stream).await;
            log.lock().unwrap().push(asked);
            // The client may hang up first, e.g. at a body that is too large.
            let _ = stream.write_all(&answer).await;
        }
    });
    (url, seen)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_call_carries_credentials_agent_query_and_json() {
    let (url, seen) = server(answer("200 OK", "X-Who: me\r\n", r#"{"ok":true}"#)).await;
    let call = Call::write(Method::PUT, "api/x y", json!({"a": "ü"})).query("q", "a&b");
    let reply = client(&format!("{url}/base/"))
        .send_json(&call)
        .await
        .unwrap();
    assert_eq!(
        (reply.json.clone(), reply.header("x-who")),
        (json!({"ok": true}), Some("me"))
    );
    let request = seen.lock().unwrap()[0].clone();
    assert!(
        request.starts_with("PUT /base/api/x%20y?q=a%26b HTTP/1.1\r\n"),
        "{request}"
    );
    // base64 of bot@example.org:hunter2-token
    assert!(
        request.contains("authorization: Basic Ym90QGV4YW1wbGUub3JnOmh1bnRlcjItdG9rZW4="),
        "{request}"
    );
    assert!(request.contains("user-agent: poamd/"), "{request}");
    assert!(request.ends_with(r#"{"a":"ü"}"#), "{request}");
}

#[tokio::test]
async fn the_servers_words_come_on_one_line_without_secrets() {
    let body = json!({"message": format!("no\r\n\u{1b}[2J hunter2-token {}", "x".repeat(900))})
        .to_string();
    let (url, _) = server(answer("400 Bad Request", "", &body)).await;
    let error = client(&url).send_json(&write()).await.unwrap_err();
    assert_eq!(error.retry, Retry::Never);
    assert!(
        error
            .what
            .contains("POST thing: 400: no \\u{1b}[2J [secret] xxx"),
        "{}",
        error.what
    );
    assert!(
        error.what.chars().count() < 600 && !error.what.contains(|c: char| c.is_control()),
        "{}",
        error.what
    );
}

#[tokio::test]
async fn nobody_listening_means_not_done() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = client(&url).send_json(&write()).await.unwrap_err();
    assert_eq!(error.retry, Retry::Later(None), "{}", error.what);
    assert!(error.what.contains("refused"), "{}", error.what);
}

#[tokio::test]
async fn a_reset_after_the_request_is_unclear_for_a_write_only() {
    let (url, _) = server("").await;
    let client = client(&url);
    assert_eq!(
        client.send_json(&write()).await.unwrap_err().retry,
        Retry::Unclear
    );
    assert_eq!(
        client
            .send_json(&Call::get("thing"))
            .await
            .unwrap_err()
            .retry,
        Retry::Later(None)
    );
    assert_eq!(
        client
            .send_json(&Call::post_read("find", json!({})))
            .await
            .unwrap_err()
            .retry,
        Retry::Later(None)
    );
}

#[tokio::test]
async fn a_lost_answer_is_not_asked_for_again() {
    let (url, seen) = server("").await;
    client(&url).send_json(&write()).await.unwrap_err();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn half_an_answer_and_no_json_are_unclear_for_a_write() {
    for bytes in [
        "HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{\"id\":".to_owned(),
        "HTTP/1.1 201 Cre".to_owned(),
        answer("201 Created", "", "<html>login</html>"),
    ] {
        let (url, _) = server(bytes.clone()).await;
        assert_eq!(
            client(&url).send_json(&write()).await.unwrap_err().retry,
            Retry::Unclear,
            "{bytes}"
        );
        assert_eq!(
            client(&url)
                .send_json(&Call::get("x"))
                .await
                .unwrap_err()
                .retry,
            Retry::Later(None),
            "{bytes}"
        );
    }
}

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let keep = tokio::spawn(async move {
        let mut streams = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            streams.push(stream);
        }
    });
    let client = client_with(&url, Duration::from_millis(200), 1);
    let call = write();
    let outcome = tokio::time::timeout(Duration::from_secs(60), client.send_json(&call))
        .await
        .unwrap();
    assert_eq!(outcome.unwrap_err().retry, Retry::Unclear);
    keep.abort();
}

#[tokio::test]
async fn a_trickling_body_is_left_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let trickle = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        request(&mut stream).await;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            .await
            .unwrap();
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let client = client_with(&url, Duration::from_millis(300), 1);
    let call = Call::get("x");
    let outcome = tokio::time::timeout(Duration::from_secs(60), client.send_json(&call))
        .await
        .unwrap();
    assert_eq!(outcome.unwrap_err().retry, Retry::Later(None));
    trickle.abort();
}

#[tokio::test]
async fn an_endless_body_is_cut_off() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    bytes.resize(33 << 20, b' ');
    let (url, _) = server(bytes).await;
    let error = client(&url).send_json(&Call::get("x")).await.unwrap_err();
    assert!(error.what.contains("larger than 32 MiB"), "{}", error.what);
    assert_eq!(error.retry, Retry::Never);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (elsewhere, seen) = server(answer("200 OK", "", "{}")).await;
    let (url, _) = server(answer(
        "302 Found",
        &format!("Location: {elsewhere}/login\r\n"),
        "",
    ))
    .await;
    let error = client(&url).send_json(&Call::get("x")).await.unwrap_err();
    assert!(error.what.contains("/login"), "{}", error.what);
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn cookies_are_not_sent_back() {
    let (url, seen) = server(answer(
        "200 OK",
        "Set-Cookie: JSESSIONID=1; Path=/\r\n",
        "{}",
    ))
    .await;
    let client = client(&url);
    for _ in 0..2 {
        client.send_json(&Call::get("x")).await.unwrap();
    }
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|request| !request.to_lowercase().contains("cookie"))
    );
}

/// Answers only when as many calls are open as there are slots; tells how many were open at most.
async fn full_house(slots: usize) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (full, seen) = (Arc::new(Barrier::new(slots)), Arc::clone(&most));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (open, most) = (Arc::clone(&open), Arc::clone(&most));
            let full = Arc::clone(&full);
            tokio::spawn(async move {
                request(&mut stream).await;
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                full.wait().await;
                // Time for one too many to come, if any does.
                tokio::time::sleep(Duration::from_millis(30)).await;
                open.fetch_sub(1, Ordering::SeqCst);
                stream
                    .write_all(answer("200 OK", "", "{}").as_bytes())
                    .await
                    .unwrap();
            });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn one_slot_means_one_call_at_a_time() {
    for slots in [1, 3] {
        let (url, most) = full_house(slots).await;
        let client = Arc::new(client_with(&url, Duration::from_secs(60), slots));
        let calls: Vec<_> = (0..6)
            .map(|_| {
                let client = Arc::clone(&client);
                tokio::spawn(async move { client.send_json(&Call::get("x")).await.unwrap() })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), slots);
    }
}

#[tokio::test]
async fn tls_to_a_server_that_speaks_none_sends_no_request() {
    let (url, seen) = server(answer("200 OK", "", "{}")).await;
    let url = url.replace("http://", "https://");
    let error = client_with(&url, Duration::from_secs(1), 1)
        .send_json(&write())
        .await
        .unwrap_err();
    assert_eq!(error.retry, Retry::Later(None), "{}", error.what);
    assert!(
        seen.lock()
            .unwrap()
            .iter()
            .all(|request| !request.contains("POST"))
    );
}
