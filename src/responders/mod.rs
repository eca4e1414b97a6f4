//! Where answers come from.

pub mod generate;
