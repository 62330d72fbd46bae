//! What follows when a process ends by itself: the same under both policies.
//!
//! | process | ending | failures in a row | response |
//! | --- | --- | --- | --- |
//! | app | any | | stop: the next save starts it again |
//! | worker | any | first | respawn at once |
//! | worker | any | to `respawns` | respawn after a doubling delay |
//! | worker | any | more | roll back: the code before it serves again |

use fire_plugin_api::policy::{Ending, Process, Response};

use crate::options::Options;

/// A worker is never left out of service longer than this between two tries.
const LONGEST_DELAY_MS: u64 = 5_000;

pub(crate) fn respond(options: &Options, process: &Process, _ending: &Ending) -> Response {
    match process {
        Process::App => Response::Stop,
        Process::Worker { failures, .. } if *failures > options.respawns => Response::RollBack,
        Process::Worker { failures, .. } => Response::Respawn {
            after_ms: delay(options, *failures),
        },
    }
}

fn delay(options: &Options, failures: u32) -> u64 {
    match failures {
        0 | 1 => 0,
        more => {
            let doublings = (more - 2).min(16);
            options
                .respawn_after_ms
                .saturating_mul(1 << doublings)
                .min(LONGEST_DELAY_MS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(failures: u32) -> Process {
        Process::Worker {
            generation: 4,
            functions: vec!["shop.Total".into()],
            failures,
        }
    }

    #[test]
    fn a_worker_is_respawned_with_growing_delays_and_then_rolled_back() {
        let options = Options::default();
        let ending = Ending::Signalled(11);
        let responses: Vec<_> = (1..=4)
            .map(|n| respond(&options, &worker(n), &ending))
            .collect();
        assert_eq!(
            responses,
            [
                Response::Respawn { after_ms: 0 },
                Response::Respawn { after_ms: 100 },
                Response::Respawn { after_ms: 200 },
                Response::RollBack,
            ]
        );
    }

    #[test]
    fn delays_have_a_ceiling() {
        let options = Options {
            respawns: u32::MAX,
            ..Options::default()
        };
        let response = respond(&options, &worker(u32::MAX), &Ending::Hung(1));
        assert_eq!(
            response,
            Response::Respawn {
                after_ms: LONGEST_DELAY_MS
            }
        );
    }

    #[test]
    fn an_app_that_ends_stays_ended() {
        for ending in [Ending::Exited(0), Ending::Exited(2), Ending::Signalled(9)] {
            assert_eq!(
                respond(&Options::default(), &Process::App, &ending),
                Response::Stop
            );
        }
    }
}
