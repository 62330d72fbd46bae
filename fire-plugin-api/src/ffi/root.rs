//! The constructors that a library offers, and how the host gets at them.
#![expect(
    unsafe_code,
    reason = "the one place where a library's word about its types is taken, after the layout check"
)]

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::{
    AbiHeaderRef, CheckTypeLayout, LibHeader, LibraryError, RootModule, RootModuleResult,
};
use abi_stable::sabi_types::VersionStrings;
use abi_stable::std_types::{RResult, RStr};

use super::caught;
use super::data::{Answer, answer};
use super::events::{self, Host};
use super::policy::{self, Policy};
use super::split::{self, Split};
use super::transport::{self, TransportBox};
use crate::{Error, RestartPolicy, SplitStrategy, Transport};

/// A constructor: options, host → instance.
pub type Make<T> = extern "C" fn(RStr<'_>, Host) -> Answer<T>;

/// What a library offers: a constructor for its kind, and `refuse` for the others. A further kind
/// of plugin comes after `last_prefix_field`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = RootRef, prefix_fields = RootFields)))]
pub struct Root {
    /// Makes a transport.
    pub transport: extern "C" fn(RStr<'_>, Host) -> Answer<TransportBox>,
    /// Makes a split strategy.
    pub split: extern "C" fn(RStr<'_>, Host) -> Answer<Split>,
    /// Makes a restart policy.
    #[sabi(last_prefix_field)]
    pub policy: extern "C" fn(RStr<'_>, Host) -> Answer<Policy>,
}

impl RootModule for RootRef {
    abi_stable::declare_root_module_statics! {RootRef}
    const BASE_NAME: &'static str = "fire-plugin";
    const NAME: &'static str = "fire-plugin";
    const VERSION_STRINGS: VersionStrings = abi_stable::package_version_strings!();
}

/// What the export macros implement for a type of their own, with the author's constructor in it.
pub trait Exported<P: ?Sized>: 'static {
    /// From the plugin's TOML table.
    fn make(options: &str) -> Result<Box<P>, Error>;
}

/// The header of a library with a transport.
pub const fn transport<E: Exported<dyn Transport>>() -> LibHeader {
    extern "C" fn make<E: Exported<dyn Transport>>(
        options: RStr<'_>,
        host: Host,
    ) -> Answer<TransportBox> {
        construct(options, &host, E::make, transport::adapt)
    }
    extern "C" fn root<E: Exported<dyn Transport>>() -> RootModuleResult {
        result(Root {
            transport: make::<E>,
            ..Root::EMPTY
        })
    }
    header(root::<E>)
}

/// The header of a library with a split strategy.
pub const fn split<E: Exported<dyn SplitStrategy>>() -> LibHeader {
    extern "C" fn make<E: Exported<dyn SplitStrategy>>(
        options: RStr<'_>,
        host: Host,
    ) -> Answer<Split> {
        construct(options, &host, E::make, split::adapt)
    }
    extern "C" fn root<E: Exported<dyn SplitStrategy>>() -> RootModuleResult {
        result(Root {
            split: make::<E>,
            ..Root::EMPTY
        })
    }
    header(root::<E>)
}

/// The header of a library with a restart policy.
pub const fn policy<E: Exported<dyn RestartPolicy>>() -> LibHeader {
    extern "C" fn make<E: Exported<dyn RestartPolicy>>(
        options: RStr<'_>,
        host: Host,
    ) -> Answer<Policy> {
        construct(options, &host, E::make, policy::adapt)
    }
    extern "C" fn root<E: Exported<dyn RestartPolicy>>() -> RootModuleResult {
        result(Root {
            policy: make::<E>,
            ..Root::EMPTY
        })
    }
    header(root::<E>)
}

impl Root {
    /// A library that offers nothing.
    const EMPTY: Self = Self {
        transport: refuse,
        split: refuse,
        policy: refuse,
    };
}

extern "C" fn refuse<T>(_: RStr<'_>, _: Host) -> Answer<T> {
    answer::<T, T>(Err(Error::new("it is a plugin of another kind")))
}

/// Runs the author's constructor inside the plugin.
fn construct<P, T>(
    options: RStr<'_>,
    host: &Host,
    make: fn(&str) -> Result<P, Error>,
    adapt: fn(P) -> T,
) -> Answer<T> {
    caught::quiet_panics();
    events::forward(host);
    answer(caught::construct(|| make(options.as_str()).map(adapt)))
}

fn result(root: Root) -> RootModuleResult {
    use abi_stable::prefix_type::PrefixTypeTrait;
    let erased = root.leak_into_prefix();
    // SAFETY: the header that leads here names RootRef as the type of the module.
    RResult::ROk(unsafe { erased.0.cast() })
}

const fn header(root: extern "C" fn() -> RootModuleResult) -> LibHeader {
    // SAFETY: the functions above are the only ones passed, and they give what `result` makes: a
    // RootRef whose type is erased.
    unsafe { LibHeader::from_constructor::<RootRef>(root, CheckTypeLayout::Yes) }
}

/// Why a library's constructors cannot be used. The text can have thousands of lines.
#[derive(Debug, Clone)]
pub enum Mismatch {
    /// Built with an abi_stable that does not fit.
    Foundation(String),
    /// The types that cross are not the same ones.
    Layout(String),
}

/// The library's constructors, after every check.
///
/// # Safety
///
/// `symbol` is the address of [`super::stamp::ABI_SYMBOL`] in a library with a stamp whose API version
/// fits, and the library is never unloaded.
pub unsafe fn open(symbol: *const ()) -> Result<RootRef, Mismatch> {
    // SAFETY: AbiHeaderRef is a transparent reference to the header's first field, whose layout is the
    // same in every version of abi_stable; the caller vouches for the address and its lifetime.
    let header: AbiHeaderRef = unsafe { std::mem::transmute(symbol) };
    let header = header
        .upgrade()
        .map_err(|error| Mismatch::Foundation(error.to_string()))?;
    fits(header)?;
    // SAFETY: the layouts have just been compared.
    unsafe { header.unchecked_layout::<RootRef>() }
        .map_err(|error| Mismatch::Layout(error.to_string()))
}

/// Same layout, or one of the two has only gained fields at the end: then the newer side asks before it
/// uses them.
fn fits(header: &'static LibHeader) -> Result<(), Mismatch> {
    let older_host = match header.ensure_layout::<RootRef>() {
        Ok(()) => return Ok(()),
        Err(LibraryError::AbiInstability(report)) => report.to_string(),
        Err(other) => return Err(Mismatch::Layout(other.to_string())),
    };
    let Some(layout) = header.layout() else {
        return Err(Mismatch::Layout("it has no layout".to_owned()));
    };
    check_layout_compatibility(layout, <RootRef as StableAbi>::LAYOUT)
        .map_err(|_| Mismatch::Layout(older_host))
}
