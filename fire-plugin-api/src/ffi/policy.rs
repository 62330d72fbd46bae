//! [`RestartPolicy`] across the boundary.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "written by `sabi_trait`; nothing in this file is by hand"
)]

use std::sync::OnceLock;

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, ROption, RString, RVec};

use super::caught::Caught;
use super::data::{Answer, answer, plain, plain_or_raise, plain_strings, strings};
use crate::policy::{Action, DrainLimits, Edit, Ending, Process, Response, WorkerLimits};
use crate::{Error, RestartPolicy};

/// [`RestartPolicy`]
#[sabi_trait]
pub trait FfiPolicy: Send + Sync {
    /// [`RestartPolicy::judge`]
    fn judge(&self, edits: RVec<FfiEdit>) -> Answer<RVec<FfiAction>>;
    /// [`RestartPolicy::on_ending`]
    fn on_ending(&self, process: FfiProcess, ending: FfiEnding) -> Answer<FfiResponse>;
    /// [`RestartPolicy::drain_limits`]
    #[sabi(last_prefix_field)]
    fn drain_limits(&self) -> Answer<FfiDrainLimits>;
    /// [`RestartPolicy::worker_limits`]. Methods after the last prefix field have a default: older plugins lack them.
    fn worker_limits(&self) -> Answer<FfiWorkerLimits> {
        answer(Ok(WorkerLimits::default()))
    }
}

/// The object that crosses.
pub type Policy = FfiPolicy_TO<'static, RBox<()>>;

/// Inside the plugin: the author's type.
struct Adapter {
    inner: Box<dyn RestartPolicy>,
    caught: Caught,
}

/// Wraps the author's type.
pub fn adapt(inner: Box<dyn RestartPolicy>) -> Policy {
    let adapter = Adapter {
        inner,
        caught: Caught::default(),
    };
    FfiPolicy_TO::from_value(adapter, TD_Opaque)
}

impl FfiPolicy for Adapter {
    fn judge(&self, edits: RVec<FfiEdit>) -> Answer<RVec<FfiAction>> {
        answer(self.caught.call("judge", || {
            let edits: Vec<Edit> = edits.into_iter().map(Edit::from).collect();
            let actions = self.inner.judge(&edits)?;
            Ok(actions
                .into_iter()
                .map(FfiAction::from)
                .collect::<RVec<_>>())
        }))
    }

    fn on_ending(&self, process: FfiProcess, ending: FfiEnding) -> Answer<FfiResponse> {
        answer(self.caught.call("on_ending", || {
            self.inner.on_ending(&process.into(), &ending.into())
        }))
    }

    fn drain_limits(&self) -> Answer<FfiDrainLimits> {
        answer(
            self.caught
                .call("drain_limits", || Ok(self.inner.drain_limits())),
        )
    }

    fn worker_limits(&self) -> Answer<FfiWorkerLimits> {
        answer(
            self.caught
                .call("worker_limits", || Ok(self.inner.worker_limits())),
        )
    }
}

/// Inside the host: the plugin as the plain trait.
pub struct Proxy {
    inner: Policy,
    // Asked once each.
    drain_limits: OnceLock<DrainLimits>,
    worker_limits: OnceLock<WorkerLimits>,
}

impl Proxy {
    /// Around the plugin's object.
    pub fn new(inner: Policy) -> Self {
        Self {
            inner,
            drain_limits: OnceLock::new(),
            worker_limits: OnceLock::new(),
        }
    }
}

impl RestartPolicy for Proxy {
    fn judge(&self, edits: &[Edit]) -> Result<Vec<Action>, Error> {
        let actions = plain(self.inner.judge(edits.iter().map(FfiEdit::from).collect()))?;
        Ok(actions.into_iter().map(Action::from).collect())
    }

    fn on_ending(&self, process: &Process, ending: &Ending) -> Result<Response, Error> {
        plain(self.inner.on_ending(process.into(), ending.into())).map(Response::from)
    }

    fn drain_limits(&self) -> DrainLimits {
        *self
            .drain_limits
            .get_or_init(|| plain_or_raise(self.inner.drain_limits()).into())
    }

    fn worker_limits(&self) -> WorkerLimits {
        *self
            .worker_limits
            .get_or_init(|| plain_or_raise(self.inner.worker_limits()).into())
    }
}

/// [`Edit`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiEdit {
    code: RString,
    subject: RString,
    detail: RString,
    swappable: bool,
}

impl From<&Edit> for FfiEdit {
    fn from(plain: &Edit) -> Self {
        Self {
            code: plain.code.as_str().into(),
            subject: plain.subject.as_str().into(),
            detail: plain.detail.as_str().into(),
            swappable: plain.swappable,
        }
    }
}

impl From<FfiEdit> for Edit {
    fn from(crossed: FfiEdit) -> Self {
        Self {
            code: crossed.code.into(),
            subject: crossed.subject.into(),
            detail: crossed.detail.into(),
            swappable: crossed.swappable,
        }
    }
}

/// [`Action`]
#[repr(u8)]
#[derive(StableAbi)]
pub enum FfiAction {
    /// [`Action::Nothing`]
    Nothing,
    /// [`Action::Hot`]
    Hot,
    /// [`Action::Restart`]
    Restart,
}

impl From<Action> for FfiAction {
    fn from(plain: Action) -> Self {
        match plain {
            Action::Nothing => Self::Nothing,
            Action::Hot => Self::Hot,
            Action::Restart => Self::Restart,
        }
    }
}

impl From<FfiAction> for Action {
    fn from(crossed: FfiAction) -> Self {
        match crossed {
            FfiAction::Nothing => Self::Nothing,
            FfiAction::Hot => Self::Hot,
            FfiAction::Restart => Self::Restart,
        }
    }
}

/// [`Ending`]
#[repr(u8)]
#[derive(StableAbi)]
pub enum FfiEnding {
    /// [`Ending::Exited`]
    Exited(i32),
    /// [`Ending::Signalled`]
    Signalled(i32),
    /// [`Ending::Hung`]
    Hung(u64),
    /// [`Ending::Faulted`]
    Faulted(RString),
}

impl From<&Ending> for FfiEnding {
    fn from(plain: &Ending) -> Self {
        match plain {
            Ending::Exited(code) => Self::Exited(*code),
            Ending::Signalled(signal) => Self::Signalled(*signal),
            Ending::Hung(milliseconds) => Self::Hung(*milliseconds),
            Ending::Faulted(what) => Self::Faulted(what.as_str().into()),
        }
    }
}

impl From<FfiEnding> for Ending {
    fn from(crossed: FfiEnding) -> Self {
        match crossed {
            FfiEnding::Exited(code) => Self::Exited(code),
            FfiEnding::Signalled(signal) => Self::Signalled(signal),
            FfiEnding::Hung(milliseconds) => Self::Hung(milliseconds),
            FfiEnding::Faulted(what) => Self::Faulted(what.into()),
        }
    }
}

/// [`Process`]
#[repr(u8)]
#[derive(StableAbi)]
pub enum FfiProcess {
    /// [`Process::App`]
    App,
    /// [`Process::Worker`]
    Worker {
        /// Generation.
        generation: u64,
        /// Ids.
        functions: RVec<RString>,
        /// In a row.
        failures: u32,
    },
}

impl From<&Process> for FfiProcess {
    fn from(plain: &Process) -> Self {
        match plain {
            Process::App => Self::App,
            Process::Worker {
                generation,
                functions,
                failures,
            } => Self::Worker {
                generation: *generation,
                functions: strings(functions),
                failures: *failures,
            },
        }
    }
}

impl From<FfiProcess> for Process {
    fn from(crossed: FfiProcess) -> Self {
        match crossed {
            FfiProcess::App => Self::App,
            FfiProcess::Worker {
                generation,
                functions,
                failures,
            } => Self::Worker {
                generation,
                functions: plain_strings(functions),
                failures,
            },
        }
    }
}

/// [`Response`]
#[repr(u8)]
#[derive(StableAbi)]
pub enum FfiResponse {
    /// [`Response::Stop`]
    Stop,
    /// [`Response::Respawn`]
    Respawn {
        /// Milliseconds.
        after_ms: u64,
    },
    /// [`Response::RollBack`]
    RollBack,
    /// [`Response::Restart`]
    Restart,
}

impl From<Response> for FfiResponse {
    fn from(plain: Response) -> Self {
        match plain {
            Response::Stop => Self::Stop,
            Response::Respawn { after_ms } => Self::Respawn { after_ms },
            Response::RollBack => Self::RollBack,
            Response::Restart => Self::Restart,
        }
    }
}

impl From<FfiResponse> for Response {
    fn from(crossed: FfiResponse) -> Self {
        match crossed {
            FfiResponse::Stop => Self::Stop,
            FfiResponse::Respawn { after_ms } => Self::Respawn { after_ms },
            FfiResponse::RollBack => Self::RollBack,
            FfiResponse::Restart => Self::Restart,
        }
    }
}

/// [`DrainLimits`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiDrainLimits {
    after_ms: ROption<u64>,
    generations: u32,
}

impl From<DrainLimits> for FfiDrainLimits {
    fn from(plain: DrainLimits) -> Self {
        Self {
            after_ms: plain.after_ms.into(),
            generations: plain.generations,
        }
    }
}

impl From<FfiDrainLimits> for DrainLimits {
    fn from(crossed: FfiDrainLimits) -> Self {
        Self {
            after_ms: crossed.after_ms.into_option(),
            generations: crossed.generations,
        }
    }
}

/// [`WorkerLimits`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiWorkerLimits {
    hang_ms: ROption<u64>,
    old_hang_ms: ROption<u64>,
    memory_mb: ROption<u64>,
}

impl From<WorkerLimits> for FfiWorkerLimits {
    fn from(plain: WorkerLimits) -> Self {
        Self {
            hang_ms: plain.hang_ms.into(),
            old_hang_ms: plain.old_hang_ms.into(),
            memory_mb: plain.memory_mb.into(),
        }
    }
}

impl From<FfiWorkerLimits> for WorkerLimits {
    fn from(crossed: FfiWorkerLimits) -> Self {
        Self {
            hang_ms: crossed.hang_ms.into_option(),
            old_hang_ms: crossed.old_hang_ms.into_option(),
            memory_mb: crossed.memory_mb.into_option(),
        }
    }
}
