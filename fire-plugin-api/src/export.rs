//! The macros that make a crate a plugin.

/// Exports a transport from a `cdylib` crate: its name and the function that makes it from its options.
///
/// ```ignore
/// fire_plugin_api::export_transport!("pigeon", Pigeon::new);
/// ```
///
/// where `Pigeon::new` is `fn(&str) -> Result<Pigeon, fire_plugin_api::Error>`.
#[macro_export]
macro_rules! export_transport {
    ($name:literal, $make:expr) => {
        $crate::__export!(Transport, transport, $crate::Transport, $name, $make);
    };
}

/// Exports a split strategy, like [`export_transport!`].
#[macro_export]
macro_rules! export_split {
    ($name:literal, $make:expr) => {
        $crate::__export!(Split, split, $crate::SplitStrategy, $name, $make);
    };
}

/// Exports a restart policy, like [`export_transport!`].
#[macro_export]
macro_rules! export_policy {
    ($name:literal, $make:expr) => {
        $crate::__export!(Policy, policy, $crate::RestartPolicy, $name, $make);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($kind:ident, $header:ident, $trait:path, $name:literal, $make:expr) => {
        #[cfg(panic = "abort")]
        compile_error!(
            "a plugin's panics must be caught: remove `panic = \"abort\"` from the profile"
        );

        #[allow(unsafe_code)]
        const _: () = {
            struct Exported;
            impl $crate::__private::Exported<dyn $trait> for Exported {
                fn make(
                    options: &str,
                ) -> ::std::result::Result<::std::boxed::Box<dyn $trait>, $crate::Error> {
                    let make: fn(&str) -> ::std::result::Result<_, $crate::Error> = $make;
                    let made = make(options)?;
                    ::std::result::Result::Ok(::std::boxed::Box::new(made))
                }
            }

            #[unsafe(no_mangle)]
            static FIRE_PLUGIN_STAMP: $crate::__private::Stamp = $crate::__private::Stamp::new(
                $crate::__private::Kind::$kind,
                $name,
                ::std::env!("CARGO_PKG_VERSION"),
            );

            #[unsafe(no_mangle)]
            static FIRE_PLUGIN_ABI: $crate::__private::LibHeader =
                $crate::__private::$header::<Exported>();
        };
    };
}
