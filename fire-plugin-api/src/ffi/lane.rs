//! [`Endpoint`] and [`Lane`] across the boundary: for conformance tests and benchmarks, never on the
//! path of a user's call.
#![expect(
    unsafe_code,
    non_local_definitions,
    reason = "written by `sabi_trait`; nothing in this file is by hand"
)]

use abi_stable::StableAbi;
use abi_stable::sabi_trait;
use abi_stable::sabi_trait::TD_Opaque;
use abi_stable::std_types::{RBox, RSlice, RVec};

use super::caught::Caught;
use super::data::{Answer, answer, plain};
use crate::Error;
use crate::transport::{Endpoint, Frame, Lane, Side};

/// [`Endpoint`]
#[sabi_trait]
pub trait FfiEndpoint: Send + Sync {
    /// [`Endpoint::open`]
    fn open(&self) -> Answer<LaneBox>;
    /// [`Endpoint::accept`]
    #[sabi(last_prefix_field)]
    fn accept(&self) -> Answer<LaneBox>;
}

/// [`Lane`]
#[sabi_trait]
pub trait FfiLane: Send {
    /// [`Lane::send`]: the frame's head and its payload.
    fn send(&mut self, head: FfiHead, payload: RSlice<'_, u8>) -> Answer<()>;
    /// [`Lane::recv`]
    fn recv(&mut self) -> Answer<FfiFrame>;
    /// [`Lane::close`]
    #[sabi(last_prefix_field)]
    fn close(&mut self) -> Answer<()>;
}

/// An endpoint that crosses.
pub type EndpointBox = FfiEndpoint_TO<'static, RBox<()>>;
/// A lane that crosses.
pub type LaneBox = FfiLane_TO<'static, RBox<()>>;

/// Inside the plugin: something of the author's.
struct Adapter<T: ?Sized> {
    caught: Caught,
    inner: Box<T>,
}

/// Wraps the author's endpoint.
pub fn adapt(inner: Box<dyn Endpoint>) -> EndpointBox {
    let adapter = Adapter {
        inner,
        caught: Caught::default(),
    };
    EndpointBox::from_value(adapter, TD_Opaque)
}

fn adapt_lane(inner: Box<dyn Lane>) -> LaneBox {
    let adapter = Adapter {
        inner,
        caught: Caught::default(),
    };
    LaneBox::from_value(adapter, TD_Opaque)
}

impl FfiEndpoint for Adapter<dyn Endpoint> {
    fn open(&self) -> Answer<LaneBox> {
        answer(
            self.caught
                .call("open", || self.inner.open().map(adapt_lane)),
        )
    }

    fn accept(&self) -> Answer<LaneBox> {
        answer(
            self.caught
                .call("accept", || self.inner.accept().map(adapt_lane)),
        )
    }
}

impl FfiLane for Adapter<dyn Lane> {
    fn send(&mut self, head: FfiHead, payload: RSlice<'_, u8>) -> Answer<()> {
        let inner = &mut self.inner;
        answer(self.caught.call("send", || {
            inner.send(&Frame {
                kind: head.kind,
                flags: head.flags,
                call: head.call,
                payload: payload.to_vec(),
            })
        }))
    }

    fn recv(&mut self) -> Answer<FfiFrame> {
        let inner = &mut self.inner;
        answer(self.caught.call("recv", || inner.recv()))
    }

    fn close(&mut self) -> Answer<()> {
        let inner = &mut self.inner;
        answer(self.caught.call("close", || {
            inner.close();
            Ok(())
        }))
    }
}

/// Inside the host: a plugin's endpoint.
struct EndpointProxy(EndpointBox);

/// Inside the host: a plugin's lane.
struct LaneProxy(LaneBox);

/// The plugin's endpoint as the plain trait.
pub fn proxy(endpoint: EndpointBox) -> Box<dyn Endpoint> {
    Box::new(EndpointProxy(endpoint))
}

fn proxy_lane(lane: LaneBox) -> Box<dyn Lane> {
    Box::new(LaneProxy(lane))
}

impl Endpoint for EndpointProxy {
    fn open(&self) -> Result<Box<dyn Lane>, Error> {
        plain(self.0.open()).map(proxy_lane)
    }

    fn accept(&self) -> Result<Box<dyn Lane>, Error> {
        plain(self.0.accept()).map(proxy_lane)
    }
}

impl Lane for LaneProxy {
    fn send(&mut self, frame: &Frame) -> Result<(), Error> {
        let head = FfiHead {
            kind: frame.kind,
            flags: frame.flags,
            call: frame.call,
        };
        plain(self.0.send(head, frame.payload.as_slice().into()))
    }

    fn recv(&mut self) -> Result<Frame, Error> {
        plain(self.0.recv()).map(Frame::from)
    }

    fn close(&mut self) {
        if let Err(error) = plain(self.0.close()) {
            tracing::warn!("a transport's lane was not closed: {error}");
        }
    }
}

/// [`Side`]
#[repr(u8)]
#[derive(StableAbi)]
pub enum FfiSide {
    /// [`Side::Home`]
    Home,
    /// [`Side::Worker`]
    Worker,
}

impl From<Side> for FfiSide {
    fn from(plain: Side) -> Self {
        match plain {
            Side::Home => Self::Home,
            Side::Worker => Self::Worker,
        }
    }
}

impl From<FfiSide> for Side {
    fn from(crossed: FfiSide) -> Self {
        match crossed {
            FfiSide::Home => Self::Home,
            FfiSide::Worker => Self::Worker,
        }
    }
}

/// A [`Frame`] without its payload.
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiHead {
    kind: u16,
    flags: u16,
    call: u64,
}

/// [`Frame`]
#[repr(C)]
#[derive(StableAbi)]
pub struct FfiFrame {
    head: FfiHead,
    payload: RVec<u8>,
}

impl From<Frame> for FfiFrame {
    fn from(plain: Frame) -> Self {
        Self {
            head: FfiHead {
                kind: plain.kind,
                flags: plain.flags,
                call: plain.call,
            },
            payload: plain.payload.into(),
        }
    }
}

impl From<FfiFrame> for Frame {
    fn from(crossed: FfiFrame) -> Self {
        Self {
            kind: crossed.head.kind,
            flags: crossed.head.flags,
            call: crossed.head.call,
            payload: crossed.payload.into(),
        }
    }
}
