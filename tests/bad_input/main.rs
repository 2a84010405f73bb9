//! What goes wrong is one error that names the thing and says what to do; nothing half-done is left behind.

mod brokers;
mod coders;
mod command_line;
mod connectors;
mod construction;
mod files;
mod refused;
mod user_code;
