//! Fuzzes the Go half of a transport: `cargo run -p fire-tests --example go-fuzz -- shm FuzzLane 10m`. What breaks it is
//! kept in the directory that is named, and belongs into `plugins/transport-*/go/testdata/fuzz`.

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [transport, target, time] = words.as_slice() else {
        eprintln!("usage: go-fuzz shm|pipe|tcp TARGET TIME");
        std::process::exit(2);
    };
    let directory = std::env::temp_dir().join(format!("fire-go-fuzz-{transport}"));
    println!("in {}", directory.display());
    let status = fire_tests::go_half::lay_out(transport, &directory)
        .args(["-run=NONE", "-fuzzminimizetime=100x"])
        .arg(format!("-fuzz=^{target}$"))
        .arg(format!("-fuzztime={time}"))
        .status();
    std::process::exit(status.ok().and_then(|status| status.code()).unwrap_or(1));
}
