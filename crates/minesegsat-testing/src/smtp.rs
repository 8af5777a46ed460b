//! A mail server that keeps what it is sent.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// A minimal SMTP server.
#[derive(Debug)]
pub struct Smtp {
    /// Port at 127.0.0.1.
    pub port: u16,
    /// Lines of commands, and each message as one entry.
    pub seen: Arc<Mutex<Vec<String>>>,
}

impl Smtp {
    /// The messages, each with its lines.
    pub fn messages(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().filter(|entry| entry.contains("\r\n")).cloned().collect()
    }
}

/// Starts a server. `answers` are replies to commands with a prefix; all other commands succeed.
pub fn smtp(answers: &'static [(&'static str, &'static str)]) -> Smtp {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut say = |line: &str| stream.write_all(format!("{line}\r\n").as_bytes()).is_ok();
            say("220 test");
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
                let command = line.trim_end().to_owned();
                line.clear();
                log.lock().unwrap().push(command.clone());
                let answer = answers.iter().find(|(start, _)| command.starts_with(start)).map(|(_, answer)| *answer);
                let usual = match command.split(' ').next().unwrap() {
                    "EHLO" => "250-test\r\n250 AUTH PLAIN",
                    "AUTH" => "235 welcome",
                    "DATA" => "354 go on",
                    "QUIT" => "221 bye",
                    _ => "250 ok",
                };
                say(answer.unwrap_or(usual));
                if command == "DATA" && answer.is_none() {
                    let mut message = String::new();
                    while reader.read_line(&mut line).is_ok_and(|n| n > 0) && line != ".\r\n" {
                        // A dot that begins a line was doubled (RFC 5321, 4.5.2).
                        message.push_str(line.strip_prefix('.').unwrap_or(&line));
                        line.clear();
                    }
                    line.clear();
                    log.lock().unwrap().push(message);
                    say("250 taken");
                }
            }
        }
    });
    Smtp { port, seen }
}
