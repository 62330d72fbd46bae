//! Prints the figures of the built-in transports, or of those named, as JSON:
//! `cargo run --release -p fire-benches --example lanes [NAME]...`

use fire_host::bench::Subjects;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let scratch = tempfile::tempdir()?;
    let subjects = Subjects::build(std::path::Path::new("go"), scratch.path(), wanted)?;
    println!("{}", serde_json::to_string_pretty(&subjects.measure()?)?);
    Ok(())
}
