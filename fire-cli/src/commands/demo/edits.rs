//! The three edits of the demo, and what each is expected to lead to.

use std::path::Path;

use anyhow::Context;

/// What an edit leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leads {
    /// New code, same process, same state.
    Swap,
    /// A new process.
    Restart,
}

/// One edit of the example.
#[derive(Debug)]
pub struct Edit {
    /// What is edited, in words.
    pub name: &'static str,
    /// In which file.
    pub file: &'static str,
    /// What stands there, once.
    pub old: &'static str,
    /// What takes its place.
    pub new: &'static str,
    /// The page whose answer changes.
    pub page: &'static str,
    /// What that answer then contains.
    pub shows: &'static str,
    /// What fire makes of it.
    pub leads: Leads,
}

/// In the order they are made.
pub const EDITS: [Edit; 3] = [
    Edit {
        name: "a function body",
        file: "server.go",
        old: "\treturn fmt.Sprintf(\"%d notes, %d requests\", notes, requests)",
        new: "\treturn fmt.Sprintf(\"you have %d notes, asked for %d times\", notes, requests)",
        page: "/",
        shows: "you have 3 notes, asked for ",
        leads: Leads::Swap,
    },
    Edit {
        name: "a method body",
        file: "store/store.go",
        old: "\tsort.Slice(found, func(i, j int) bool { return found[i].ID < found[j].ID })",
        new: "\tsort.Slice(found, func(i, j int) bool { return found[i].ID > found[j].ID }) // newest first",
        page: "/notes",
        shows: r#"[{"id":3,"text":"water the plants"},{"id":2,"#,
        leads: Leads::Swap,
    },
    Edit {
        name: "a struct field",
        file: "store/store.go",
        old: "\tTags []string `json:\"tags,omitempty\"`\n",
        new: "\tTags []string `json:\"tags,omitempty\"`\n\tPinned bool `json:\"pinned\"`\n",
        page: "/notes",
        shows: r#"[{"id":1,"text":"buy milk","pinned":false}]"#,
        leads: Leads::Restart,
    },
];

impl Edit {
    /// Writes it as an editor does: a new file, renamed over the old.
    pub fn apply(&self, root: &Path) -> anyhow::Result<()> {
        let path = root.join(self.file);
        let shown = || format!("{} cannot be edited", path.display());
        let source = std::fs::read_to_string(&path).with_context(shown)?;
        let written = path.with_extension("go~");
        std::fs::write(&written, source.replacen(self.old, self.new, 1)).with_context(shown)?;
        std::fs::rename(&written, &path).with_context(shown)
    }
}
