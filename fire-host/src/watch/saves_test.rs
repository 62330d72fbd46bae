//! How editors and tools save: each way is one batch, of the files whose content is another, and nothing else.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Options, Scope, Seen, Watch};

/// Long enough for any machine; nothing waits that long.
const DEADLINE: Duration = Duration::from_secs(60);

struct Tree {
    directory: tempfile::TempDir,
    watch: Watch,
}

impl Tree {
    /// Two files, watched.
    fn armed() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        for name in ["a.go", "b.go"] {
            fs::write(root.join(name), "package main\n").unwrap();
        }
        let watch = Watch::arm(Scope::of(&root), Options::default());
        Self { directory, watch }
    }

    async fn batch(&mut self) -> Vec<String> {
        match tokio::time::timeout(DEADLINE, self.watch.next()).await {
            Ok(Some(Seen::Batch(batch))) => batch
                .files
                .iter()
                .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
                .collect(),
            other => panic!("no batch: {other:?}"),
        }
    }

    /// Saves in some way and expects one batch of these files; a save of `b.go` shows that there was no other one.
    async fn check(mut self, way: &str, save: impl FnOnce(&Path), expected: &[&str]) {
        let root = self.directory.path().canonicalize().unwrap();
        save(&root);
        if !expected.is_empty() {
            assert_eq!(self.batch().await, expected, "{way}");
        }
        fs::write(root.join("b.go"), "package main // last\n").unwrap();
        assert_eq!(self.batch().await, ["b.go"], "after {way}");
    }
}

const NEW: &str = "package main // new\n";

#[tokio::test]
async fn every_way_of_saving_is_one_batch() {
    let check = async |way: &str, save: fn(&Path), expected: &[&str]| {
        Tree::armed().check(way, save, expected).await;
    };
    check(
        "written in place",
        |root| fs::write(root.join("a.go"), NEW).unwrap(),
        &["a.go"],
    )
    .await;
    check(
        "vim: a probe, the old file moved aside, a new one written, the old one removed",
        |root| {
            fs::write(root.join("4913"), "").unwrap();
            fs::remove_file(root.join("4913")).unwrap();
            fs::write(root.join(".a.go.swp"), "b0VIM").unwrap();
            fs::rename(root.join("a.go"), root.join("a.go~")).unwrap();
            fs::write(root.join("a.go"), NEW).unwrap();
            fs::remove_file(root.join("a.go~")).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "emacs: a lock that is a dangling link, an autosave file, a backup",
        |root| {
            std::os::unix::fs::symlink("me@here.1", root.join(".#a.go")).unwrap();
            fs::write(root.join("#a.go#"), NEW).unwrap();
            fs::rename(root.join("a.go"), root.join("a.go~")).unwrap();
            fs::write(root.join("a.go"), NEW).unwrap();
            fs::remove_file(root.join("#a.go#")).unwrap();
            fs::remove_file(root.join(".#a.go")).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "a JetBrains editor: two renames",
        |root| {
            fs::write(root.join("a.go___jb_tmp___"), NEW).unwrap();
            fs::rename(root.join("a.go"), root.join("a.go___jb_old___")).unwrap();
            fs::rename(root.join("a.go___jb_tmp___"), root.join("a.go")).unwrap();
            fs::remove_file(root.join("a.go___jb_old___")).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "a temporary file of Go's own ending, renamed over it",
        |root| {
            fs::write(root.join(".a.go.123.go"), NEW).unwrap();
            fs::rename(root.join(".a.go.123.go"), root.join("a.go")).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "written again as it was, touched, made read-only",
        |root| {
            use std::os::unix::fs::PermissionsExt;
            let file = root.join("a.go");
            fs::write(&file, fs::read(&file).unwrap()).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
        },
        &[],
    )
    .await;
    check(
        "removed and made anew",
        |root| {
            fs::remove_file(root.join("a.go")).unwrap();
            fs::write(root.join("a.go"), NEW).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "exchanged for another",
        |root| {
            fs::write(root.join("c.txt"), NEW).unwrap();
            fs::rename(root.join("c.txt"), root.join("a.go")).unwrap();
        },
        &["a.go"],
    )
    .await;
    check(
        "a directory moved in, and out again",
        |root| {
            fs::create_dir(root.join(".new")).unwrap();
            fs::write(root.join(".new/n.go"), "package n\n").unwrap();
            fs::rename(root.join(".new"), root.join("new")).unwrap();
            fs::rename(root.join("new"), root.join(".new")).unwrap();
            fs::write(root.join("a.go"), NEW).unwrap();
        },
        &["a.go"],
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_truncated_and_written_later_is_one_batch() {
    let mut tree = Tree::armed();
    let file = tree.directory.path().join("a.go");
    fs::write(&file, "").unwrap();
    let writer = std::thread::spawn(move || {
        // Longer than the lull: what is empty is on its way.
        std::thread::park_timeout(Duration::from_millis(80));
        fs::write(&file, NEW).unwrap();
    });
    assert_eq!(tree.batch().await, ["a.go"]);
    writer.join().unwrap();
    let text = fs::read_to_string(tree.directory.path().join("a.go")).unwrap();
    assert_eq!(text, NEW, "the batch came when the text was there");
}

#[tokio::test]
async fn a_linked_file_is_watched_where_it_really_is() {
    let elsewhere = tempfile::tempdir().unwrap();
    let real = elsewhere.path().join("real.go");
    fs::write(&real, "package main\n").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    std::os::unix::fs::symlink(&real, root.join("a.go")).unwrap();
    let watch = Watch::arm(Scope::of(&root), Options::default());
    let mut tree = Tree { directory, watch };
    fs::write(elsewhere.path().join("other.go"), "package other\n").unwrap();
    fs::write(&real, NEW).unwrap();
    assert_eq!(tree.batch().await, ["a.go"]);
    // As editors save, and the watch goes on.
    for text in ["package main // 2\n", "package main // 3\n"] {
        fs::write(elsewhere.path().join("tmp"), text).unwrap();
        fs::rename(elsewhere.path().join("tmp"), &real).unwrap();
        assert_eq!(tree.batch().await, ["a.go"]);
    }
}
