//! [`Transport`] and what it makes, across the boundary.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "written by `sabi_trait`; nothing in this file is by hand"
)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::OnceLock;

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, RStr, RString, RVec};

use super::caught::Caught;
use super::data::{Answer, answer, plain, plain_or_raise};
use super::lane::{self, EndpointBox, FfiSide};
use crate::Error;
use crate::transport::{Endpoint, GoFile, Link, LinkRequest, Side, Transport};

/// [`Transport`]
#[sabi_trait]
pub trait FfiTransport: Send + Sync {
    /// [`Transport::go_half`]
    fn go_half(&self) -> Answer<RVec<FfiGoFile>>;
    /// [`Transport::create`]
    #[sabi(last_prefix_field)]
    fn create(&self, request: FfiLinkRequest) -> Answer<LinkBox>;
}

/// [`Link`]
#[sabi_trait]
pub trait FfiLink: Send + Sync {
    /// [`Link::descriptor`]
    fn descriptor(&self, side: FfiSide) -> Answer<RString>;
    /// [`Link::attached`]
    fn attached(&self) -> Answer<()>;
    /// [`Link::close`]
    fn close(&self, cause: RStr<'_>) -> Answer<()>;
    /// [`Link::attach`]
    #[sabi(last_prefix_field)]
    fn attach(&self, side: FfiSide) -> Answer<EndpointBox>;
}

/// The object that crosses.
pub type TransportBox = FfiTransport_TO<'static, RBox<()>>;
/// A link that crosses.
pub type LinkBox = FfiLink_TO<'static, RBox<()>>;

/// Inside the plugin: the author's type.
struct Adapter {
    inner: Box<dyn Transport>,
    caught: Caught,
}

/// Wraps the author's type.
pub fn adapt(inner: Box<dyn Transport>) -> TransportBox {
    let adapter = Adapter {
        inner,
        caught: Caught::default(),
    };
    FfiTransport_TO::from_value(adapter, TD_Opaque)
}

impl FfiTransport for Adapter {
    fn go_half(&self) -> Answer<RVec<FfiGoFile>> {
        answer(self.caught.call("go_half", || {
            Ok(self
                .inner
                .go_half()
                .into_iter()
                .map(FfiGoFile::from)
                .collect::<RVec<_>>())
        }))
    }

    fn create(&self, request: FfiLinkRequest) -> Answer<LinkBox> {
        answer(self.caught.call("create", || {
            let inner = self.inner.create(&request.into())?;
            let adapter = LinkAdapter {
                inner,
                caught: Caught::default(),
            };
            Ok(LinkBox::from_value(adapter, TD_Opaque))
        }))
    }
}

/// Inside the plugin: a link of the author's.
struct LinkAdapter {
    inner: Box<dyn Link>,
    caught: Caught,
}

impl FfiLink for LinkAdapter {
    fn descriptor(&self, side: FfiSide) -> Answer<RString> {
        answer(
            self.caught
                .call("descriptor", || Ok(self.inner.descriptor(side.into()))),
        )
    }

    fn attached(&self) -> Answer<()> {
        answer(self.caught.call("attached", || self.inner.attached()))
    }

    fn close(&self, cause: RStr<'_>) -> Answer<()> {
        answer(self.caught.call("close", || {
            self.inner.close(cause.as_str());
            Ok(())
        }))
    }

    fn attach(&self, side: FfiSide) -> Answer<EndpointBox> {
        answer(self.caught.call("attach", || {
            Ok(lane::adapt(self.inner.attach(side.into())?))
        }))
    }
}

/// Inside the host: the plugin as the plain trait.
pub struct Proxy {
    inner: TransportBox,
    // Asked once.
    go_half: OnceLock<Vec<GoFile>>,
}

impl Proxy {
    /// Around the plugin's object.
    pub fn new(inner: TransportBox) -> Self {
        Self {
            inner,
            go_half: OnceLock::new(),
        }
    }
}

impl Transport for Proxy {
    fn go_half(&self) -> Vec<GoFile> {
        let ask = || {
            let files = plain_or_raise(self.inner.go_half()).into_iter();
            files.map(GoFile::from).collect()
        };
        self.go_half.get_or_init(ask).clone()
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let inner = plain(self.inner.create(request.into()))?;
        Ok(Box::new(LinkProxy { inner }))
    }
}

/// Inside the host: a plugin's link.
struct LinkProxy {
    inner: LinkBox,
}

impl Link for LinkProxy {
    fn descriptor(&self, side: Side) -> String {
        plain_or_raise(self.inner.descriptor(side.into())).into()
    }

    fn attached(&self) -> Result<(), Error> {
        plain(self.inner.attached())
    }

    fn close(&self, cause: &str) {
        plain_or_raise(self.inner.close(cause.into()));
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        plain(self.inner.attach(side.into())).map(lane::proxy)
    }
}

/// [`GoFile`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiGoFile {
    name: RString,
    source: RString,
}

impl From<GoFile> for FfiGoFile {
    fn from(plain: GoFile) -> Self {
        Self {
            name: plain.name.into(),
            source: plain.source.into(),
        }
    }
}

impl From<FfiGoFile> for GoFile {
    fn from(crossed: FfiGoFile) -> Self {
        Self {
            name: crossed.name.into(),
            source: crossed.source.into(),
        }
    }
}

/// [`LinkRequest`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiLinkRequest {
    generation: u64,
    /// The path's bytes.
    directory: RVec<u8>,
}

impl From<&LinkRequest> for FfiLinkRequest {
    fn from(plain: &LinkRequest) -> Self {
        let path: &OsStr = plain.directory.as_os_str();
        Self {
            generation: plain.generation,
            directory: path.as_bytes().into(),
        }
    }
}

impl From<FfiLinkRequest> for LinkRequest {
    fn from(crossed: FfiLinkRequest) -> Self {
        let path = OsString::from_vec(crossed.directory.into());
        Self {
            generation: crossed.generation,
            directory: Path::new(&path).to_owned(),
        }
    }
}
