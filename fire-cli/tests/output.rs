//! Where a command's output cannot go.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn doctor(out: Stdio) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fire"))
        .arg("doctor")
        .stdout(out)
        .stderr(Stdio::piped())
        .output()
        .unwrap()
}

fn said(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn nobody_reads() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = doctor(writer.into());
    assert_eq!((output.status.code(), said(&output)), (Some(141), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn the_disk_is_full() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = doctor(full.into());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(
        said(&output).contains("the output cannot be written: No space left on device"),
        "{output:?}"
    );
}
