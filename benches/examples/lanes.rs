//! Prints the figures of every built-in transport as JSON: `cargo run --release -p fire-benches --example lanes`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let figures = fire_benches::transports(std::path::Path::new("go"))?;
    println!("{}", serde_json::to_string_pretty(&figures)?);
    Ok(())
}
