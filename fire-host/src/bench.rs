//! What fire promises about speed, beside what the machine itself can do, measured in the same run: `fire bench`, and
//! the benchmarks in `benches/`.
//!
//! Place in the flow: beside the session. Round trips are measured between two small Go programs with a transport's Go
//! half in them; calls between a real home and a real worker, which the engine starts as it does for a user.

mod calls;
mod transports;

use std::collections::BTreeMap;
use std::path::Path;

use fire_plugin_api::Error;

use crate::project::Project;

pub use calls::{Calls, calls, settle};
pub use transports::{Figures, Subjects};

/// Everything that was measured.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Report {
    /// Round trips, by transport.
    pub transports: BTreeMap<String, Figures>,
    /// Calls of moved functions and operations of moved bodies.
    #[serde(flatten)]
    pub calls: Calls,
}

/// Measures everything, in a directory that is the caller's to remove.
pub async fn bench(project: &Project, directory: &Path) -> Result<Report, String> {
    let (go, lanes) = (project.toolchain.go.clone(), directory.join("lanes"));
    let measured = tokio::task::spawn_blocking(move || {
        let subjects = Subjects::build(&go, &lanes, |_| true)?;
        Ok::<_, Error>((subjects.measure()?, subjects))
    });
    let (transports, subjects) = measured
        .await
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let calls = calls(project, directory, &subjects).await?;
    Ok(Report { transports, calls })
}
