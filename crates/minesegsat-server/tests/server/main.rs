//! Tests of a server that listens: requests go over a socket, as clients send them.

mod api;
mod bad_input;
mod client;
mod downloads;
mod edit;
mod features;
mod jobs;
mod roles;
mod schemas;
mod security;
mod stac;
mod tiles;
mod workspace;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use minesegsat_server::{JobRunner, Server, ServerOptions, Token};
use tokio::sync::oneshot;

use self::client::{HttpResponse, Request};
use self::workspace::Workspace;

/// A token of tests.
const TOKEN: &str = "0123456789abcdef-test";

/// A server that listens until it is dropped.
struct Served {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    /// With a token and what `change` makes of the options.
    fn start(
        workspace: &Workspace,
        runner: Option<Arc<dyn JobRunner>>,
        change: impl FnOnce(&mut ServerOptions),
    ) -> Self {
        let mut options = ServerOptions::new(workspace.path());
        options.bind = SocketAddr::from(([127, 0, 0, 1], 0));
        options.token = Some(Token::new(TOKEN).unwrap());
        change(&mut options);
        let (stop, stopped) = oneshot::channel();
        let (started, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let server = Server::bind(options, runner).await.unwrap();
                started.send(server.local_addr()).unwrap();
                let ends = async {
                    let _ = stopped.await;
                };
                server.run(ends).await;
            });
        });
        Self { address: address.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    fn plain(workspace: &Workspace) -> Self {
        Self::start(workspace, None, |_| {})
    }

    fn get(&self, path: &str) -> HttpResponse {
        Request::get(path).send(self.address)
    }

    /// JSON of an answer that must be a success.
    fn json(&self, path: &str) -> serde_json::Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Detail of an answer that must be a problem document of this status.
    fn problem(&self, path: &str, status: u16) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        answer.problem()
    }

    /// Ends it, in order.
    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
