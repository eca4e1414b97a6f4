//! What most replies leave as it is.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// What it is when nothing was said of it.
pub(crate) trait Blank: Clone + Default + PartialEq + 'static {
    const BLANK: &'static Self;
}

/// Something that few replies say anything of: it takes a word until one does. A long script has thousands.
#[derive(Clone)]
pub(crate) struct Seldom<T>(Option<Box<T>>);

impl<T: Blank> Seldom<T> {
    /// Whether nothing was said of it.
    pub(crate) fn is_blank(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.map_or_else(T::default, |said| *said)
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Self {
        Seldom(None)
    }
}

impl<T: Blank> From<T> for Seldom<T> {
    fn from(said: T) -> Self {
        Seldom((said != *T::BLANK).then(|| Box::new(said)))
    }
}

impl<T: Blank> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::BLANK)
    }
}

impl<T: Blank> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

impl<T: Blank + fmt::Debug> fmt::Debug for Seldom<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(formatter)
    }
}
