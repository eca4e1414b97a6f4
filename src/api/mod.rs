pub mod error;
pub mod logprobs;
pub mod vectors;
