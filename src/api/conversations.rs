pub const OPERATIONS: &[super::Operation] = &[];
