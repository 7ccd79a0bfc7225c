//! One file a command.

pub(crate) mod audit;
pub(crate) mod ca;
pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod install;
pub(crate) mod reload;
pub(crate) mod run;
pub(crate) mod status;
pub(crate) mod tunnel;
pub(crate) mod uninstall;
pub(crate) mod why;
