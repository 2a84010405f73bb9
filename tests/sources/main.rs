//! Sources and sinks as users write them, positions that are resumed, and a broker that goes away and comes back.

mod outage;
mod own;
mod resume;
mod turns;
