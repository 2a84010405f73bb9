//! The test kit tested: every fault that it promises to find, it finds, and says so readably.

mod checks;
mod faults;
mod scripts;
mod sound;
mod stateful;
