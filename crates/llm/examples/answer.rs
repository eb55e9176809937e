//! Prints the answer of a model in a file as it is generated:
//! `cargo run --release -p redraft-llm --example answer -- MODEL.gguf "Say hello."`

#![expect(clippy::disallowed_methods, clippy::cast_precision_loss, reason = "it shows an answer")]

use redraft_domain::chat::{Agent, Message, Request};
use redraft_llm::call::{News, call};
use redraft_llm::{
    config::{Models, Probe},
    provider::connect,
};
use std::{collections::HashMap, io::Write as _, time::Instant};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("which GGUF file?")?;
    let question = args.next().unwrap_or_else(|| "Say hello.".to_owned());
    let (providers, prices) = Default::default();
    let models = Models { providers: &providers, prices: &prices, probe: Some(Probe::Never) };
    let model = connect(&format!("embedded/{file}"), models, &HashMap::new())?;
    let request = Request::new(Agent::Coder, vec![Message::user(&question)], 256);
    let (start, cancel) = (Instant::now(), CancellationToken::new());
    let mut first = None;
    let mut show = |news: News<'_>| {
        if let News::Text(text) = news {
            first.get_or_insert_with(|| start.elapsed().as_secs_f64());
            let _ = write!(std::io::stdout(), "{text}").and_then(|()| std::io::stdout().flush());
        }
    };
    let answer =
        call(model.model.as_ref(), &request, &model.policy, &|_| false, &cancel, &mut show).await?;
    let (first, all) = (first.unwrap_or_default(), start.elapsed().as_secs_f64());
    let rate = answer.usage.answer as f64 / (all - first);
    writeln!(std::io::stderr(), "\nfirst token after {first:.1} s, then {rate:.1} a second")?;
    Ok(())
}
