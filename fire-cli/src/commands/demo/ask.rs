//! The demo's side of HTTP/1.0: one request, one connection, one answer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A loopback port that nobody has at the moment.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    Ok(listener.local_addr()?)
}

/// What the service remembers, and as which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub pid: u64,
    pub requests: u64,
    pub notes: u64,
}

/// The example, as its clients see it.
pub struct Service {
    address: SocketAddr,
}

impl Service {
    pub fn at(address: SocketAddr) -> Self {
        Self { address }
    }

    /// Waits until it listens.
    pub async fn is_up(&self, limit: Duration) -> anyhow::Result<()> {
        let listening = async {
            while TcpStream::connect(self.address).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match tokio::time::timeout(limit, listening).await {
            Ok(()) => Ok(()),
            Err(_) => bail!("the service does not listen on {}", self.address),
        }
    }

    /// A page, which must be there.
    pub async fn get(&self, page: &str) -> anyhow::Result<String> {
        let (status, body) = self.ask("GET", page, "").await?;
        ensure!(
            status == 200,
            "GET {page} was answered with status {status}: {body}"
        );
        Ok(body)
    }

    /// Writes a note; gives the status.
    pub async fn post_note(&self, text: &str) -> anyhow::Result<u16> {
        let body = json!({ "text": text }).to_string();
        Ok(self.ask("POST", "/notes", &body).await?.0)
    }

    /// What it remembers.
    pub async fn state(&self) -> anyhow::Result<State> {
        let body = self.get("/state").await?;
        let value: Value = serde_json::from_str(&body).context("the state is no JSON")?;
        let number = |name: &str| {
            value[name]
                .as_u64()
                .with_context(|| format!("no {name} in {body}"))
        };
        Ok(State {
            pid: number("pid")?,
            requests: number("requests")?,
            notes: number("notes")?,
        })
    }

    async fn ask(&self, method: &str, page: &str, body: &str) -> anyhow::Result<(u16, String)> {
        let request = format!(
            "{method} {page} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let exchange = async {
            let mut stream = TcpStream::connect(self.address).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        let answer = tokio::time::timeout(PATIENCE, exchange)
            .await
            .with_context(|| format!("{method} {page}: no answer"))?
            .with_context(|| format!("{method} {page}"))?;
        parse(&answer).with_context(|| format!("{method} {page}: {answer:?} is no HTTP"))
    }
}

/// Status and body.
fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let answer = "HTTP/1.0 201 Created\r\nDate: now\r\n\r\n{}\r\n\r\n";
        assert_eq!(parse(answer), Some((201, "{}\r\n\r\n".into())));
        for broken in ["", "HTTP/1.0 201 Created\r\n", "x\r\n\r\n", "a b\r\n\r\n"] {
            assert_eq!(parse(broken), None, "{broken:?}");
        }
    }
}
