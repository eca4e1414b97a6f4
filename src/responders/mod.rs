//! Where answers come from.

pub mod echo;
pub mod generate;
