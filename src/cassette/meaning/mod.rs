//! What recordings mean, whatever their dialect: requests in a form that chat and Responses share, answers as replies of
//! the script language.

mod answer;
mod chat;
mod request;
mod responses;
mod sse;

pub(crate) use answer::{read, reply, said};
pub(crate) use request::request;
pub(crate) use sse::{events, spoken};
