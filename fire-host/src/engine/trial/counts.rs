//! What home counts during a moved run: calls that went to a worker, and the operations that each function carried
//! out. Home writes into a file that both map, so the figures outlive it.

use std::io::{Read, Seek, SeekFrom};

use tempfile::NamedTempFile;

/// The file: a word for the calls, then one for each function in the order in which they were committed.
pub struct Counts {
    file: NamedTempFile,
    functions: usize,
}

impl Counts {
    /// For so many functions.
    pub fn new(functions: usize) -> std::io::Result<Self> {
        let file = NamedTempFile::new()?;
        file.as_file().set_len(8 * (functions as u64 + 1))?;
        Ok(Self { file, functions })
    }

    /// For the environment of the test binary.
    pub fn path(&self) -> &std::path::Path {
        self.file.path()
    }

    /// Calls, and operations by function.
    pub fn read(&self) -> (u64, Vec<u64>) {
        let mut bytes = Vec::with_capacity(8 * (self.functions + 1));
        let mut file = self.file.as_file();
        let whole = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_end(&mut bytes));
        if whole.is_err() {
            return (0, vec![0; self.functions]);
        }
        let mut words = bytes
            .chunks_exact(8)
            .filter_map(|chunk| chunk.first_chunk::<8>())
            .map(|word| u64::from_le_bytes(*word));
        let calls = words.next().unwrap_or(0);
        let mut operations: Vec<u64> = words.collect();
        operations.resize(self.functions, 0);
        (calls, operations)
    }
}

/// Which of the functions did most of the work since an earlier reading: as few as make up nine tenths of it.
pub fn busiest(before: &[u64], now: &[u64]) -> Vec<usize> {
    let mut work: Vec<(u64, usize)> = now
        .iter()
        .enumerate()
        .map(|(n, count)| (count.saturating_sub(before.get(n).copied().unwrap_or(0)), n))
        .filter(|(count, _)| *count > 0)
        .collect();
    work.sort_unstable_by(|a, b| b.cmp(a));
    let all: u64 = work.iter().map(|(count, _)| count).sum();
    let mut sum = 0;
    work.into_iter()
        .take_while(|(count, _)| {
            let more = sum * 10 < all * 9;
            sum += count;
            more
        })
        .map(|(_, n)| n)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_functions_make_up_nine_tenths_of_the_work() {
        assert_eq!(busiest(&[0, 0, 0, 0], &[5, 900, 0, 95]), [1]);
        assert_eq!(busiest(&[0, 0, 0, 0], &[5, 800, 0, 195]), [1, 3]);
        assert_eq!(busiest(&[0, 890, 0, 0], &[5, 900, 0, 95]), [3, 1]);
        assert!(busiest(&[7, 7], &[7, 7]).is_empty());
    }
}
