//! The example programs as processes: built once, started, signalled, awaited, never left behind.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::eventually;

/// The example program of this name, built with the profile and into the target folder of the test that asks.
///
/// Cargo tells a test where the programs of its own package are, but not those of another.
pub fn binary(name: &str) -> PathBuf {
    static BUILT: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.ancestors().nth(2).expect("target/PROFILE/deps/TEST");
    // Whoever asks for it meanwhile waits. A build that has failed says so to each of them.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(name) {
        build(name, folder);
        built.insert(name.to_owned());
    }
    folder.join(name)
}

fn build(name: &str, folder: &Path) {
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = folder.parent().expect("target/PROFILE");
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "purlin-examples", "--bin", name, "--profile", profile, "--target-dir"])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the example `{name}` cannot be built");
}

/// What a program has left behind.
#[derive(Debug)]
pub struct Outcome {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// What a program can be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as Ctrl-C does: end gracefully.
    Interrupt,
    /// SIGKILL: end at once.
    Kill,
    /// SIGSTOP: stand still.
    Stop,
    /// SIGCONT: go on.
    Continue,
}

/// A program at work; killed when it is dropped.
pub struct Running {
    child: Child,
    line: String,
    output: Option<[JoinHandle<String>; 2]>,
}

impl Running {
    pub(crate) fn start(folder: &Path, line: &str) -> Self {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a program's name");
        let mut child = Command::new(binary(program))
            .args(words)
            .current_dir(folder)
            .env_remove("PURLIN_LOG")
            // If anything panics, let it be seen.
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let output = Some([collected(child.stdout.take()), collected(child.stderr.take())]);
        Running { child, line: line.to_string(), output }
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        self.signal(Signal::Interrupt);
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Interrupt => "INT",
            Signal::Kill => "KILL",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        };
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status();
        assert!(status.is_ok_and(|status| status.success()), "{} has ended before it got SIG{name}", self.line);
    }

    /// Whether it is still at work.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child of this process").is_none()
    }

    /// Waits for its end.
    pub fn wait(mut self, limit: Duration) -> Outcome {
        let line = format!("`{}` to end", self.line);
        let status = eventually(&line, limit, || self.child.try_wait().expect("a child of this process"));
        let [stdout, stderr] = self.output.take().expect("awaited once");
        let text = |thread: JoinHandle<String>| thread.join().expect("a reader of output");
        Outcome { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads while the program runs, for a full pipe would stop it.
fn collected(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.expect("a pipe").read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
