//! The script language.
