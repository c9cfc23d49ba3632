//! Small parts that pages are made of.

mod asked;
mod avatar;
mod erase_question;
mod flow;
mod form;
pub(crate) mod icon;
mod modal;
mod person_picker;
mod picture_field;
mod task;

pub(crate) use asked::{Asked, Question};
pub(crate) use avatar::{Avatar, Face};
pub(crate) use erase_question::{EraseGuard, EraseQuestion};
pub(crate) use flow::{Erase, Row, Rows, Show, effect};
pub(crate) use form::{Banner, Busy, CopyButton, Form, NewPassword, PasswordField, SubmitButton, clear, fill, follow, value_of};
pub(crate) use modal::Modal;
pub(crate) use person_picker::PersonPicker;
pub(crate) use picture_field::PictureField;
pub(crate) use task::{Job, Task, Words};
