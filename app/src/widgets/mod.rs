//! Small parts that pages are made of.

mod avatar;
mod erase_question;
mod flow;
mod form;
pub(crate) mod icon;
mod modal;

pub(crate) use avatar::Avatar;
pub(crate) use erase_question::{EraseGuard, EraseQuestion};
pub(crate) use flow::{Erase, Row, Rows, Show, effect};
pub(crate) use form::{Banner, Busy, CopyButton, PasswordField, StrengthMeter, use_hydrated, value_of};
pub(crate) use modal::Modal;
