//! The panic adapter: runs inside the plugin. A panic must not cross the boundary; it becomes an error,
//! and the instance that panicked is not called again, because its state can be anything.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

thread_local! {
    /// Where the last panic of this thread was; the hook knows it, `catch_unwind` does not.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Whether an instance may still be called.
#[derive(Debug, Default)]
pub struct Caught {
    broken: AtomicBool,
}

impl Caught {
    /// Runs one call of the plugin.
    pub fn call<T>(
        &self,
        call: &'static str,
        body: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        // Relaxed: a racing call may still run once more, as it might have just before the panic.
        if self.broken.load(Ordering::Relaxed) {
            return Err(Error::new(format!(
                "`{call}` was not called: the plugin has panicked before"
            )));
        }
        catch(call, body).unwrap_or_else(|panic| {
            self.broken.store(true, Ordering::Relaxed);
            Err(panic)
        })
    }
}

/// Runs a constructor.
pub fn construct<T>(body: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch("new", body).unwrap_or_else(Err)
}

/// The outer error is the panic.
fn catch<T>(
    call: &'static str,
    body: impl FnOnce() -> Result<T, Error>,
) -> Result<Result<T, Error>, Error> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| {
        let said = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        let place = PLACE.take();
        // Dropping the payload runs the plugin's code, which may panic once more.
        std::mem::forget(payload);
        Error::new(format!("`{call}` panicked{place}: {said}"))
            .with_hint("this is a defect of the plugin: please tell its author")
    })
}

/// Replaces the hook of the plugin's own copy of the standard library: the place is kept for the
/// error's message, and nothing is written over the app's output.
pub fn quiet_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if let Some(place) = panic.location() {
                PLACE.set(format!(" at {}:{}", place.file(), place.line()));
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_the_instance_is_not_called_again() {
        let caught = Caught::default();
        assert_eq!(caught.call("judge", || Ok(3)), Ok(3));
        let error = caught
            .call::<()>("judge", || panic!("no {}", "way"))
            .unwrap_err();
        assert_eq!(error.message, "`judge` panicked: no way");
        let error = caught.call("judge", || Ok(3)).unwrap_err();
        assert!(error.message.contains("has panicked before"), "{error}");
    }

    #[test]
    fn an_error_breaks_nothing() {
        let caught = Caught::default();
        assert!(
            caught
                .call::<()>("judge", || Err(Error::new("later")))
                .is_err()
        );
        assert_eq!(caught.call("judge", || Ok(3)), Ok(3));
    }
}
