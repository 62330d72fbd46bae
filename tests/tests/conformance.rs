//! Every program of the conformance suite behaves the same at home and in workers.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::sync::Arc;

use fire_tests::conformance::{Split, run};

fn conforms(name: &str, transport: Arc<dyn fire_plugin_api::Transport>, split: Split) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let failures = runtime.block_on(run(transport, name, split));
    assert!(
        failures.is_empty(),
        "{} programs differ\n\n{}",
        failures.len(),
        failures.join("\n\n")
    );
}

#[test]
fn over_shm_one_worker_a_package() {
    conforms(
        "shm",
        Arc::new(fire_transport_shm::Shm::new("").unwrap()),
        Split::Package,
    );
}

#[test]
fn over_shm_one_worker_a_function() {
    conforms(
        "shm",
        Arc::new(fire_transport_shm::Shm::new("").unwrap()),
        Split::Function,
    );
}

#[test]
fn over_pipe_one_worker_a_package() {
    conforms(
        "pipe",
        Arc::new(fire_transport_pipe::Pipe::new("").unwrap()),
        Split::Package,
    );
}

#[test]
fn over_tcp_one_worker_a_package() {
    conforms(
        "tcp",
        Arc::new(fire_transport_tcp::Tcp::new("").unwrap()),
        Split::Package,
    );
}
