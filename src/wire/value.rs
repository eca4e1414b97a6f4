//! What JSON values hold.

use serde_json::{Map, Value, map};
use std::slice;
use std::sync::LazyLock;

/// What an object would hold.
static NO_MEMBERS: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);

/// What arrays and objects hold; nothing where a value is neither.
pub(crate) trait Holds {
    /// An array's.
    fn elements(&self) -> slice::Iter<'_, Value>;
    /// An array's, to be changed.
    fn elements_mut(&mut self) -> slice::IterMut<'_, Value>;
    /// An object's, with their names.
    fn members(&self) -> map::Iter<'_>;
}

impl Holds for Value {
    fn elements(&self) -> slice::Iter<'_, Value> {
        self.as_array().map_or(&[][..], Vec::as_slice).iter()
    }

    fn elements_mut(&mut self) -> slice::IterMut<'_, Value> {
        self.as_array_mut().map_or(&mut [][..], Vec::as_mut_slice).iter_mut()
    }

    fn members(&self) -> map::Iter<'_> {
        self.as_object().unwrap_or(&NO_MEMBERS).iter()
    }
}
