//! What the project's process tests share.

pub mod conformance;
pub mod driver;
pub mod fuzz;
pub mod generated;
pub mod go_half;
pub mod go_peer;
pub mod http;
pub mod lane_pair;
pub mod lane_peer;
pub mod modules;
pub mod plugin_libraries;
pub mod schema;
