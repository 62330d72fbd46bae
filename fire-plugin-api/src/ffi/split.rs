//! [`SplitStrategy`] across the boundary.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "written by `sabi_trait`; nothing in this file is by hand"
)]

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, ROption, RString, RVec};

use super::caught::Caught;
use super::data::{Answer, answer, plain, plain_strings, strings};
use crate::split::{Function, Group, Plan, Program};
use crate::{Error, SplitStrategy};

/// [`SplitStrategy`]
#[sabi_trait]
pub trait FfiSplit: Send + Sync {
    /// [`SplitStrategy::initial`]
    fn initial(&self, program: RVec<FfiFunction>) -> Answer<FfiPlan>;
    /// [`SplitStrategy::on_edit`]
    #[sabi(last_prefix_field)]
    fn on_edit(&self, program: RVec<FfiFunction>, edited: RVec<RString>) -> Answer<FfiPlan>;
}

/// The object that crosses.
pub type Split = FfiSplit_TO<'static, RBox<()>>;

/// Inside the plugin: the author's type.
struct Adapter {
    inner: Box<dyn SplitStrategy>,
    caught: Caught,
}

/// Wraps the author's type.
pub fn adapt(inner: Box<dyn SplitStrategy>) -> Split {
    let adapter = Adapter {
        inner,
        caught: Caught::default(),
    };
    FfiSplit_TO::from_value(adapter, TD_Opaque)
}

impl FfiSplit for Adapter {
    fn initial(&self, program: RVec<FfiFunction>) -> Answer<FfiPlan> {
        answer(
            self.caught
                .call("initial", || self.inner.initial(&plain_program(program))),
        )
    }

    fn on_edit(&self, program: RVec<FfiFunction>, edited: RVec<RString>) -> Answer<FfiPlan> {
        answer(self.caught.call("on_edit", || {
            self.inner
                .on_edit(&plain_program(program), &plain_strings(edited))
        }))
    }
}

/// Inside the host: the plugin as the plain trait.
pub struct Proxy {
    inner: Split,
}

impl Proxy {
    /// Around the plugin's object.
    pub fn new(inner: Split) -> Self {
        Self { inner }
    }
}

impl SplitStrategy for Proxy {
    fn initial(&self, program: &Program) -> Result<Plan, Error> {
        plain(self.inner.initial(functions(program))).map(Plan::from)
    }

    fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error> {
        plain(self.inner.on_edit(functions(program), strings(edited))).map(Plan::from)
    }
}

/// [`Function`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiFunction {
    id: RString,
    package: RString,
    uses: RVec<RString>,
    unmovable: ROption<RString>,
}

fn functions(program: &Program) -> RVec<FfiFunction> {
    program
        .functions
        .iter()
        .map(|function| FfiFunction {
            id: function.id.as_str().into(),
            package: function.package.as_str().into(),
            uses: strings(&function.uses),
            unmovable: function.unmovable.as_deref().map(RString::from).into(),
        })
        .collect()
}

fn plain_program(functions: RVec<FfiFunction>) -> Program {
    let functions = functions
        .into_iter()
        .map(|function| Function {
            id: function.id.into(),
            package: function.package.into(),
            uses: plain_strings(function.uses),
            unmovable: function.unmovable.into_option().map(String::from),
        })
        .collect();
    Program { functions }
}

/// [`Plan`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiPlan {
    groups: RVec<RVec<RString>>,
}

impl From<Plan> for FfiPlan {
    fn from(plain: Plan) -> Self {
        Self {
            groups: plain
                .groups
                .iter()
                .map(|group| strings(&group.functions))
                .collect(),
        }
    }
}

impl From<FfiPlan> for Plan {
    fn from(crossed: FfiPlan) -> Self {
        Self {
            groups: crossed
                .groups
                .into_iter()
                .map(|functions| Group {
                    functions: plain_strings(functions),
                })
                .collect(),
        }
    }
}
