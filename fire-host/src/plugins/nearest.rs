//! The valid name that a misspelt one is nearest to.

/// The nearest of `valid`, if it is near enough to have been meant.
pub fn nearest<'a>(name: &str, valid: &[&'a str]) -> Option<&'a str> {
    valid
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Edits of one character, and swaps of two neighbours, between the two (Damerau's distance, the
/// restricted form).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let differs = usize::from(left[i - 1] != right[j - 1]);
            let mut cost = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + differs);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                cost = cost.min(rows[i - 2][j - 2] + 1);
            }
            row.push(cost);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name() {
        for (name, expected) in [
            ("smh", Some("shm")),
            ("Pipe", Some("pipe")),
            ("pip", Some("pipe")),
            ("tpc", Some("tcp")),
            ("", None),
            ("quic", None),
            ("shared-memory", None),
        ] {
            assert_eq!(nearest(name, &["shm", "pipe", "tcp"]), expected, "{name}");
        }
        let policies = ["serious-changes", "keep-state"];
        assert_eq!(nearest("keepstate", &policies), Some("keep-state"));
        assert_eq!(
            nearest("serious-change", &policies),
            Some("serious-changes")
        );
    }
}
