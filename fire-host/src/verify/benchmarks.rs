//! What moving costs: a package's benchmarks, plain and moved. Pure.

use std::collections::BTreeMap;

/// One benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Benchmark {
    /// Its name, without the number of processors.
    pub name: String,
    /// Nanoseconds an operation, plain.
    pub plain_ns: f64,
    /// The same moved; none: it did not end.
    pub moved_ns: Option<f64>,
}

/// Pairs the results of two runs.
pub fn pair(plain: &str, moved: &str) -> Vec<Benchmark> {
    let after = results(moved);
    results(plain)
        .into_iter()
        .map(|(name, plain_ns)| Benchmark {
            moved_ns: after.get(&name).copied(),
            name,
            plain_ns,
        })
        .collect()
}

/// `BenchmarkName-2   1000   123.4 ns/op …` → name and figure. A verbose run prints the name on a line of its own too.
fn results(output: &str) -> BTreeMap<String, f64> {
    output
        .lines()
        .filter_map(|line| {
            let line = line.trim_start_matches('\u{16}');
            let words: Vec<&str> = line.split_whitespace().collect();
            let at = words.iter().position(|word| *word == "ns/op")?;
            let figure = words.get(at.checked_sub(1)?)?.parse().ok()?;
            let name = words.first().filter(|name| name.starts_with("Benchmark"))?;
            let name = match name.rsplit_once('-') {
                Some((name, count)) if count.parse::<u32>().is_ok() => name,
                _ => name,
            };
            Some((name.to_owned(), figure))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benchmarks_are_paired_by_name() {
        let plain = "BenchmarkA\nBenchmarkA-2   \t 1000\t  12.5 ns/op\t 8 B/op\nBenchmarkB/x-1-2 10 7 ns/op\n";
        let moved = "BenchmarkA-2 10 125 ns/op\n";
        let found = pair(plain, moved);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name, "BenchmarkA");
        assert_eq!(found[0].moved_ns, Some(125.0));
        assert_eq!(found[1].name, "BenchmarkB/x-1");
        assert_eq!(found[1].moved_ns, None);
    }
}
