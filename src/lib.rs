//! RingIM, a self-hosted instant-messaging server: one commit log, many shards.
//!
//! Layers, each using only itself and those above it in this list:
//! [`base`] · [`config`] · [`proto`] · [`domain`], [`auth`] · [`store`] · [`shard`] · [`api`] · [`runtime`], [`cli`].

pub mod api;
pub mod auth;
pub mod base;
pub mod cli;
pub mod config;
pub mod domain;
pub mod proto;
pub mod runtime;
pub mod shard;
pub mod store;
