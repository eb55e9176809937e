//! Shared code of the tests: a scripted model server, and the program in an isolated environment.

pub(crate) mod acp_client;
pub(crate) mod file_server;
#[cfg(feature = "embedded")]
pub(crate) mod gguf;
pub(crate) mod mcp_client;
pub mod model_server;
#[cfg(unix)]
pub(crate) mod pty;
pub(crate) mod served;
pub(crate) mod world;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::RngSeed;

/// A `proptest` configuration with 256 cases and a fixed seed, unless the environment sets others.
pub(crate) fn steady() -> ProptestConfig {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        config.rng_seed = RngSeed::Fixed(20_261_121);
    }
    config
}
