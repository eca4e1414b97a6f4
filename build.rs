//! Link settings of the Node addon; nothing without the `node` feature.
fn main() {
    #[cfg(feature = "node")]
    napi_build::setup();
}
