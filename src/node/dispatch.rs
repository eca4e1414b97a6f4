//! Functions as replies: calls into JavaScript.

use crate::session::callbacks::Dispatch;
use napi::Status;
use napi::bindgen_prelude::Promise;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The function that runs functions (`Functions.dispatch` in js/functions.js). Weak: waiting for a call must not keep
/// the process alive.
pub(crate) type Dispatcher = ThreadsafeFunction<String, Promise<String>, String, Status, false, true>;

/// Calls a [`Dispatcher`].
pub(crate) struct Calls(pub Arc<Dispatcher>);

impl Dispatch for Calls {
    fn call(&self, message: String) -> Pin<Box<dyn Future<Output = Result<String, String>> + Send>> {
        let dispatcher = self.0.clone();
        Box::pin(async move {
            // `call_async` would end the process if the function threw; `call_async_catch` gives an `Err`.
            let promise = dispatcher.call_async_catch(message).await.map_err(|error| error.reason.clone())?;
            promise.await.map_err(|error| error.reason.clone())
        })
    }

    fn notify(&self, message: String) {
        // The result is of no interest, but without a taker an exception would end the process.
        self.0.call_with_return_value(message, ThreadsafeFunctionCallMode::NonBlocking, |_, _| Ok(()));
    }
}
