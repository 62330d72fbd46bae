//! One module that holds all programs.

use std::fmt::Write as _;
use std::path::Path;

use super::program::Program;

/// Its import path.
pub const MODULE: &str = "conform";

/// Writes the module, and takes away what an earlier one has left.
///
/// # Panics
/// When the directory cannot be written.
pub fn write(directory: &Path, programs: &[Program]) {
    let _ = std::fs::remove_dir_all(directory);
    let put = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("it has a directory"))
            .expect("the directory is writable");
        std::fs::write(path, text).expect("the directory is writable");
    };
    let (mut imports, mut cases) = (String::new(), String::new());
    for program in programs {
        let (name, package) = (&program.name, program.package());
        for (file, text) in &program.files {
            let mut text = text.replace("\"example/", &format!("\"{MODULE}/cases/{name}/"));
            if !file.contains('/') {
                text = text
                    .replacen("package main\n", &format!("package {package}\n"), 1)
                    .replacen("func main()", "func Main()", 1);
            }
            put(&format!("cases/{name}/{file}"), &text);
        }
        let _ = writeln!(imports, "\t{package} \"{MODULE}/cases/{name}\"");
        let _ = writeln!(cases, "\tcase \"{name}\":\n\t\t{package}.Main()");
    }
    put("go.mod", &format!("module {MODULE}\n\ngo 1.24\n"));
    put(
        "main.go",
        &format!(
            "package main\n\nimport (\n\t\"os\"\n\n{imports})\n\nfunc main() {{\n\tswitch os.Args[1] {{\n{cases}\t}}\n}}\n"
        ),
    );
}
