//! What chat means, without a byte of any protocol and without a clock, file or thread.
//!
//! A lasting change is a [`command::Command`]; [`decide`](decide::decide) turns it, with the
//! [`facts::Facts`], into [`change::Change`]s, [`event::Event`]s and a [`command::Reply`], or into a
//! [`rejection::Rejection`]. A read is a [`query::Query`].

pub mod change;
pub mod command;
pub mod conversation;
pub mod decide;
pub mod event;
pub mod facts;
pub mod group;
pub mod id;
pub mod message;
pub mod query;
pub mod rejection;
pub mod user;
pub mod webhook;
