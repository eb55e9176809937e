//! Selects the models of the catalogue that suit a machine. No I/O.
//!
//! The speed of answers on a processor is bounded by reading the weights once per token, so a
//! model's expected speed is the measured rate of another model, in bytes of weights per second,
//! divided by its size in bytes.

use super::Entry;

/// Minimum usable speed, in tokens per second: a script of 300 tokens takes a minute.
const SLOWEST: f64 = 5.;

/// Memory and speed of a machine, as far as known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Machine {
    /// Memory, in bytes, if the system reports it.
    pub memory: Option<u64>,
    /// Bytes of weights read per second, if a model was measured on all cores.
    pub rate: Option<f64>,
}

impl Machine {
    /// A machine with measured models: `speeds` has the size of each in bytes and its speed in
    /// tokens per second. The fastest measurement counts, since other programs ran beside the
    /// slower ones.
    #[must_use]
    pub fn measured(memory: Option<u64>, speeds: &[(u64, f64)]) -> Self {
        let rates = speeds.iter().map(|(bytes, speed)| precise(*bytes) * speed);
        Self { memory, rate: rates.filter(|rate| *rate > 0.).reduce(f64::max) }
    }

    /// The expected speed of a model's answers, in tokens per second; `None` without a measurement.
    #[must_use]
    pub fn speed(&self, entry: &Entry) -> Option<f64> {
        Some(self.rate? / precise(entry.bytes.max(1)))
    }

    /// Whether the machine has enough memory for a model; `None` if its memory is unknown.
    #[must_use]
    pub fn fits(&self, entry: &Entry) -> Option<bool> {
        Some(self.memory? >= entry.memory)
    }

    /// Whether memory and speed are enough for a model, as far as known.
    #[must_use]
    pub fn suits(&self, entry: &Entry) -> bool {
        self.fits(entry) != Some(false) && self.speed(entry).is_none_or(|speed| speed >= SLOWEST)
    }

    /// The largest model that suits this machine, of those that are offered beside the default one
    /// because they write better scripts. `None` if the memory is unknown.
    #[must_use]
    pub fn best<'e>(&self, entries: &'e [Entry]) -> Option<&'e Entry> {
        let memory = self.memory?;
        let offered = |entry: &&Entry| {
            entry.offered_from.is_some_and(|from| from <= memory) && self.suits(entry)
        };
        entries.iter().filter(offered).max_by_key(|entry| entry.bytes)
    }

    /// A better choice than the model `than` on this machine: the largest suitable one of the
    /// smaller models if `than` does not suit, else a larger one that is offered.
    #[must_use]
    pub fn better<'e>(&self, entries: &'e [Entry], than: &Entry) -> Option<&'e Entry> {
        if self.suits(than) {
            return self.best(entries).filter(|best| best.bytes > than.bytes);
        }
        let smaller = |entry: &&Entry| !entry.toy && entry.bytes < than.bytes && self.suits(entry);
        entries.iter().filter(smaller).max_by_key(|entry| entry.bytes)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of files are known to a thousandth at most")]
const fn precise(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::{Library, memory};
    use std::path::PathBuf;

    const GB: u64 = 1_000_000_000;

    #[test]
    fn a_model_is_offered_by_memory_and_measured_speed() {
        let library = Library::in_folder(PathBuf::new(), crate::library::BUILT_IN);
        let library = library.unwrap_or_else(|error| panic!("{error}"));
        let (entries, small) = (library.entries(), &library.entries()[0]);
        // Memory, measured speed of the default model, better model than the default, than the 7b
        // model.
        for (memory, speed, than_default, than_large) in [
            (None, None, None, None),
            (Some(4 * GB), None, None, Some("qwen2.5-coder-3b")),
            (Some(16 * GB), None, Some("qwen3-4b-instruct-2507"), None),
            (
                Some(16 * GB),
                Some(14.),
                Some("qwen3-4b-instruct-2507"),
                Some("qwen3-4b-instruct-2507"),
            ),
            (Some(16 * GB), Some(10.), None, Some("qwen2.5-coder-3b")),
            (Some(16 * GB), Some(30.), Some("qwen3-4b-instruct-2507"), None),
            (Some(16 * GB), Some(2.), None, None),
        ] {
            let speeds: Vec<_> = speed.iter().map(|speed| (small.bytes, *speed)).collect();
            let machine = Machine::measured(memory, &speeds);
            let name = |than: &Entry| Some(machine.better(entries, than)?.name.as_str());
            assert_eq!(name(small), than_default, "{memory:?} {speed:?}");
            let large = entries.iter().find(|entry| entry.name == "qwen2.5-coder-7b");
            assert_eq!(large.and_then(name), than_large, "{memory:?} {speed:?}");
        }
    }

    #[test]
    fn the_fastest_measurement_counts_and_larger_models_are_slower() {
        let machine = Machine::measured(memory(), &[(GB, 8.), (2 * GB, 6.), (GB, 0.)]);
        assert_eq!(machine.rate.map(f64::round), Some(12. * 1e9));
        assert_eq!(Machine::measured(None, &[(GB, 0.)]), Machine::default());
    }
}
