//! The values that cross the boundary, and their plain forms.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RResult, RString, RVec};

use crate::Error;

/// What every call gives.
pub type Answer<T> = RResult<T, FfiError>;

/// [`Error`]
#[repr(C)]
#[derive(StableAbi, Debug, Clone)]
pub struct FfiError {
    message: RString,
    hint: ROption<RString>,
    line: ROption<u32>,
}

impl From<Error> for FfiError {
    fn from(plain: Error) -> Self {
        Self {
            message: plain.message.into(),
            hint: plain.hint.map(Into::into).into(),
            line: plain.line.into(),
        }
    }
}

impl From<FfiError> for Error {
    fn from(crossed: FfiError) -> Self {
        Self {
            message: crossed.message.into(),
            hint: crossed.hint.into_option().map(Into::into),
            line: crossed.line.into_option(),
        }
    }
}

/// Plain → crossing, for a call's answer.
pub fn answer<T, U: From<T>>(plain: Result<T, Error>) -> Answer<U> {
    plain.map(U::from).map_err(FfiError::from).into()
}

/// Crossing → plain.
pub fn plain<T>(answer: Answer<T>) -> Result<T, Error> {
    answer.into_result().map_err(Error::from)
}

/// The same for a call whose plain form cannot fail: an error goes on as the payload of a panic, which whoever guards
/// the plugin catches, and which no hook is told of.
pub fn plain_or_raise<T>(answer: Answer<T>) -> T {
    plain(answer).unwrap_or_else(|error| std::panic::resume_unwind(Box::new(error)))
}

/// Each element converted, into the vector of this side.
pub fn strings(texts: &[String]) -> RVec<RString> {
    texts
        .iter()
        .map(|text| RString::from(text.as_str()))
        .collect()
}

/// The way back.
pub fn plain_strings(texts: RVec<RString>) -> Vec<String> {
    texts.into_iter().map(String::from).collect()
}
