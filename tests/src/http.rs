//! A client for services under test: one request a connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// One request, and what came of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When it was sent.
    pub began: Instant,
    /// When it had been answered.
    pub ended: Instant,
    /// The path that was asked for.
    pub path: String,
    /// The body; or why there is none.
    pub answer: Result<String, String>,
}

/// Asks once.
pub fn get(port: u16, path: &str) -> Exchange {
    let began = Instant::now();
    let answer = try_get(port, path);
    Exchange {
        began,
        ended: Instant::now(),
        path: path.to_owned(),
        answer,
    }
}

fn try_get(port: u16, path: &str) -> Result<String, String> {
    let told = |error: std::io::Error| error.to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(told)?;
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .map_err(told)?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(told)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(told)?;
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or_else(|| format!("no answer: {text:?}"))?;
    if head.contains(" 200 ") {
        Ok(body.to_owned())
    } else {
        Err(text)
    }
}

/// Clients that ask one after the other until they are stopped.
pub struct Load {
    stop: Vec<mpsc::Sender<()>>,
    clients: Vec<std::thread::JoinHandle<Vec<Exchange>>>,
}

impl Load {
    /// Starts clients; each waits so long between two requests. The port may change. Paths are made from the client's and
    /// the request's number.
    pub fn start(
        port: &Arc<AtomicU16>,
        clients: usize,
        pause: Duration,
        path: fn(usize, usize) -> String,
    ) -> Self {
        let mut load = Self {
            stop: Vec::new(),
            clients: Vec::new(),
        };
        for client in 0..clients {
            let (stop, stopped) = mpsc::channel();
            load.stop.push(stop);
            let port = Arc::clone(port);
            load.clients.push(std::thread::spawn(move || {
                let mut all = Vec::new();
                while stopped.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                    all.push(get(port.load(Relaxed), &path(client, all.len())));
                }
                all
            }));
        }
        load
    }

    /// Stops them and gives all that they have asked.
    pub fn stop(self) -> Vec<Exchange> {
        drop(self.stop);
        self.clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client does not panic"))
            .collect()
    }
}
