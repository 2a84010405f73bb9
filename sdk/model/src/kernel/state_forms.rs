//! A state as bytes: its cells and timers, each by number.
//!
//! Format 1: number, length, bytes, one behind the other. The full form has the full form of each cell and timer that is not empty, a
//! delta the delta of each that has changed. The number is the place among the transform's cells or, behind these, timers.

use super::stateful::{SlotId, StatefulSpec, TimerChange, TimerId};
use crate::BoxError;
use crate::coder::{Coder, Postcard};
use crate::state::{Cell, State, Visit};

/// Writes states, each over the one before.
pub(super) struct Writer {
    numbers: Numbers,
    form: Form,
    cell: Vec<u8>,
    written: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Full,
    Delta,
}

impl Writer {
    pub(super) fn new(spec: &StatefulSpec) -> Self {
        Writer { numbers: Numbers::new(spec), form: Form::Full, cell: Vec::new(), written: Vec::new() }
    }

    /// All of it. The next delta starts here.
    pub(super) fn full(&mut self, state: &mut impl State) -> Result<&[u8], BoxError> {
        self.write(Form::Full, state)
    }

    /// What has changed since the last delta; nothing if nothing has.
    pub(super) fn delta(&mut self, state: &mut impl State) -> Result<&[u8], BoxError> {
        self.write(Form::Delta, state)
    }

    fn write(&mut self, form: Form, state: &mut impl State) -> Result<&[u8], BoxError> {
        self.form = form;
        self.written.clear();
        self.numbers.restart();
        state.visit(self)?;
        Ok(&self.written)
    }
}

impl Visit for Writer {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        let Some(number) = self.numbers.next::<C>() else { return Ok(()) };
        self.cell.clear();
        let has_some = match self.form {
            Form::Full => {
                let has_some = !cell.is_empty();
                if has_some {
                    cell.encode(&mut self.cell)?;
                }
                cell.mark_saved();
                has_some
            }
            Form::Delta => cell.take_delta(&mut self.cell)?,
        };
        if has_some {
            Postcard.encode(&(number, self.cell.len()), &mut self.written)?;
            self.written.extend_from_slice(&self.cell);
        }
        Ok(())
    }
}

/// Reads states that another run has written, whose numbers may have been others.
pub(super) struct Reader<'a> {
    spec: &'a StatefulSpec,
    numbers: Numbers,
    /// The present numbers of what had these.
    renumbered: &'a [usize],
    /// The bytes of each cell and timer of the state at hand, by their present numbers.
    cells: Vec<Option<&'a [u8]>>,
    form: Form,
}

impl<'a> Reader<'a> {
    pub(super) fn new(spec: &'a StatefulSpec, renumbered: &'a [usize]) -> Self {
        let cells = vec![None; spec.cells.len() + spec.timers.len()];
        Reader { spec, numbers: Numbers::new(spec), renumbered, cells, form: Form::Full }
    }

    /// Takes a full form, then deltas; a state without anything in it takes them.
    pub(super) fn read(
        &mut self,
        full: &'a [u8],
        deltas: &'a [Vec<u8>],
        state: &mut impl State,
    ) -> Result<(), BoxError> {
        self.read_one(Form::Full, full, state)?;
        deltas.iter().try_for_each(|delta| self.read_one(Form::Delta, delta, state))
    }

    fn read_one(&mut self, form: Form, mut from: &'a [u8], state: &mut impl State) -> Result<(), BoxError> {
        self.form = form;
        self.cells.fill(None);
        while !from.is_empty() {
            let (number, length): (usize, usize) = Postcard.decode(&mut from)?;
            let (bytes, rest) = from.split_at_checked(length).ok_or("it ends within a cell")?;
            let place = self.renumbered.get(number).and_then(|number| self.cells.get_mut(*number));
            *place.ok_or_else(|| format!("it has a cell {number}, which was not declared"))? = Some(bytes);
            from = rest;
        }
        self.numbers.restart();
        state.visit(self)
    }

    fn name(&self, number: usize) -> &'static str {
        let StatefulSpec { cells, timers, .. } = self.spec;
        match cells.get(number) {
            Some(cell) => cell.name,
            None => timers[number - cells.len()].name,
        }
    }
}

impl Visit for Reader<'_> {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        let Some(number) = self.numbers.next::<C>() else { return Ok(()) };
        let Some(mut bytes) = self.cells[number] else { return Ok(()) };
        let taken = if self.form == Form::Full { cell.decode(&mut bytes) } else { cell.apply_delta(&mut bytes) };
        match taken {
            Ok(()) if bytes.is_empty() => Ok(()),
            Ok(()) => Err(format!("state `{}`: {} bytes are left over", self.name(number), bytes.len()).into()),
            Err(cause) => Err(format!("state `{}`: {cause}", self.name(number)).into()),
        }
    }
}

/// Says that all of a state is kept: the next delta starts here.
pub(super) struct MarkSaved;

impl Visit for MarkSaved {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        cell.mark_saved();
        Ok(())
    }
}

/// Gives the timers of a state that are set.
pub(super) struct SetTimers<'a> {
    pub(super) slot: SlotId,
    /// The number of the next timer.
    pub(super) next: u16,
    /// The latest setting.
    pub(super) version: &'a mut u64,
    pub(super) changes: &'a mut Vec<TimerChange>,
}

impl Visit for SetTimers<'_> {
    fn cell<C: Cell>(&mut self, cell: &mut C) -> Result<(), BoxError> {
        if C::IS_TIMER {
            cell.settings(&mut |member, setting| {
                *self.version = setting.version.max(*self.version);
                let id = TimerId { slot: self.slot, timer: self.next, member };
                self.changes.push(TimerChange { id, before: None, after: Some(setting.for_runner()) });
            });
            self.next += 1;
        }
        Ok(())
    }
}

/// Numbers cells and timers as they are visited.
struct Numbers {
    cells: usize,
    next_cell: usize,
    next_timer: usize,
}

impl Numbers {
    fn new(spec: &StatefulSpec) -> Self {
        Numbers { cells: spec.cells.len(), next_cell: 0, next_timer: 0 }
    }

    fn restart(&mut self) {
        (self.next_cell, self.next_timer) = (0, self.cells);
    }

    fn next<C: Cell>(&mut self) -> Option<usize> {
        let next = match (C::IS_TIMER, C::IS_STORED) {
            (true, _) => &mut self.next_timer,
            (false, true) => &mut self.next_cell,
            (false, false) => return None,
        };
        *next += 1;
        Some(*next - 1)
    }
}
