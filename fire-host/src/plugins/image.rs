//! A library's file, read without running it: whether it is whole, for this machine, and a plugin;
//! and what its stamp says.

use std::path::Path;

use fire_plugin_api::host::{ABI_SYMBOL, About, SIZE, SYMBOL};
use fire_plugin_api::version;
use object::read::elf::ElfFile64;
use object::{Object, ObjectKind, ObjectSection, ObjectSegment, ObjectSymbol};

use super::error::PluginError;

/// What a library says of itself, if this fire can load it.
pub fn read(path: &Path, bytes: &[u8]) -> Result<About, PluginError> {
    let shown = path.display();
    let file = parse(bytes).map_err(|problem| {
        PluginError::new(format!("{shown} is not a plugin: {}", problem.sentence))
            .with_hint(problem.cure)
    })?;
    let about = stamp(&file).ok_or_else(|| {
        PluginError::new(format!(
            "{shown} is not a plugin: it is a library without fire's stamp"
        ))
        .with_hint("a plugin's crate calls one of the macros of fire-plugin-api, `export_transport!` and the like")
    })?;
    if !version::fits(about.api) {
        let [major, minor, patch] = about.api;
        let own = version::OWN[0];
        let cure = if major > own {
            "install a newer fire, or an older version of the plugin".to_owned()
        } else {
            format!(
                "run `fire plugin add {}` for a version that is built with fire-plugin-api {own}",
                about.name
            )
        };
        return Err(PluginError::new(format!(
            "plugin `{}` is built with fire-plugin-api {major}.{minor}.{patch}, and this fire needs {own}.x",
            about.name
        ))
        .with_hint(cure));
    }
    Ok(about)
}

struct Problem {
    sentence: String,
    cure: &'static str,
}

const BUILD_AGAIN: &str = "build or download it again";

fn parse(bytes: &[u8]) -> Result<object::File<'_>, Problem> {
    let problem = |sentence: String, cure| Problem { sentence, cure };
    if bytes.starts_with(b"\x7fELF") {
        whole_elf(bytes).map_err(|sentence| problem(sentence, BUILD_AGAIN))?;
    }
    let file = object::File::parse(bytes)
        .map_err(|error| problem(format!("it is no library ({error})"), BUILD_AGAIN))?;
    if file.kind() != ObjectKind::Dynamic {
        return Err(problem(
            "it is no shared library".to_owned(),
            "its Cargo.toml needs `crate-type = [\"cdylib\"]`",
        ));
    }
    let built_for = format!("{:?}", file.architecture()).to_lowercase();
    let own = std::env::consts::ARCH;
    if built_for.replace('_', "") != own.replace('_', "") {
        return Err(problem(
            format!("it is built for {built_for}, and this machine is {own}"),
            "build it on this machine: `fire plugin add` does",
        ));
    }
    Ok(file)
}

/// The loader maps what the headers promise; bytes that are not there end the process at the first touch.
fn whole_elf(bytes: &[u8]) -> Result<(), String> {
    let file: ElfFile64<'_> = ElfFile64::parse(bytes)
        .map_err(|error| format!("it is truncated or no library ({error})"))?;
    let length = bytes.len() as u64;
    let cut_off = file
        .segments()
        .map(|segment| segment.file_range())
        .chain(file.sections().filter_map(|section| section.file_range()))
        .any(|(begin, size)| begin.checked_add(size).is_none_or(|end| end > length));
    if cut_off {
        return Err("it is truncated".to_owned());
    }
    Ok(())
}

fn stamp(file: &object::File<'_>) -> Option<About> {
    let symbol = |name: &str| {
        // Mach-O puts an underscore before each name.
        file.exports().ok()?.into_iter().find_map(|export| {
            let found = export.name();
            let bare = found.strip_prefix(b"_").unwrap_or(found);
            (found == name.as_bytes() || bare == name.as_bytes()).then(|| export.address())
        })
    };
    symbol(ABI_SYMBOL)?;
    let address = symbol(SYMBOL)?;
    let size_known = file
        .dynamic_symbols()
        .find(|symbol| symbol.address() == address && symbol.size() > 0)
        .is_none_or(|symbol| symbol.size() >= SIZE as u64);
    if !size_known {
        return None;
    }
    file.segments().find_map(|segment| {
        let bytes = segment.data_range(address, SIZE as u64).ok()??;
        About::read(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(bytes: &[u8]) -> String {
        read(Path::new("x.so"), bytes).unwrap_err().message
    }

    #[test]
    fn bytes_that_are_no_library() {
        assert!(sentence(b"").starts_with("x.so is not a plugin: it is no library"));
        assert!(sentence(b"#!/bin/sh\n").starts_with("x.so is not a plugin: it is no library"));
        assert!(
            sentence(b"\x7fELF\x02\x01\x01").starts_with("x.so is not a plugin: it is truncated")
        );
    }

    #[test]
    fn an_executable_is_no_plugin_and_half_of_one_is_truncated() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(sentence(&own).contains("is not a plugin: "));
        let half = sentence(&own[..own.len() / 2]);
        assert!(half.contains("truncated"), "{half}");
    }
}
