//! Recorded answers, for demonstrations, tests and replays.

use super::{Chunk, Fault, Finish, Model};
use futures_util::future::BoxFuture;
use redraft_domain::chat::{Agent, Outcome, Request};
use redraft_domain::text::one_line;
use redraft_files as files;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// One recorded answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The agent that gets it.
    pub agent: Agent,
    /// Its text.
    pub answer: String,
    /// How it ended.
    #[serde(default = "whole")]
    pub outcome: Outcome,
    /// Delay before the answer, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
}

const fn whole() -> Outcome {
    Outcome::Whole
}

/// Number of calls of each agent that were already answered, in earlier runs of the program.
pub type Used = HashMap<Agent, usize>;

/// A model that answers from a recording: each agent gets its next unused answer. Repairs use the
/// Coder's answers if none of their own are left.
pub struct ScriptModel {
    file: String,
    answers: Vec<Recorded>,
    used: Mutex<Vec<bool>>,
}

impl ScriptModel {
    /// Reads the recording, and skips the answers in `used`. Fails with [`Fault::Recording`].
    pub fn new(path: &Path, used: &Used) -> Result<Self, Fault> {
        let file = path.display().to_string();
        let fail = |reason| Fault::Recording { file: file.clone(), reason };
        let text = std::fs::read_to_string(path)
            .map_err(|error| fail(format!("can't be read: {}", files::reason(&error))))?;
        let answers = serde_yaml::from_str(&text)
            .map_err(|error| fail(format!("is not a list of answers: {error}")))?;
        Ok(Self::from_answers(file.clone(), answers, used))
    }

    /// A model with these answers; `name` is the recording's name in errors.
    #[must_use]
    pub fn from_answers(name: String, answers: Vec<Recorded>, used: &Used) -> Self {
        let model = Self { used: Mutex::new(vec![false; answers.len()]), file: name, answers };
        for agent in Agent::ALL {
            for _ in 0..used.get(&agent).copied().unwrap_or(0) {
                // Missing answers are reported at the next request.
                let Some(taken) = model.take(agent) else { break };
                taken.keep();
            }
        }
        model
    }

    /// Reserves the next unused answer for an agent. It is released unless it is kept.
    fn take(&self, agent: Agent) -> Option<Taken<'_>> {
        let mut used = self.used();
        let next = |of| (0..used.len()).find(|&n| !used[n] && self.answers[n].agent == of);
        let index = match agent {
            Agent::Repair => next(Agent::Repair).or_else(|| next(Agent::Coder)),
            agent => next(agent),
        }?;
        used[index] = true;
        Some(Taken { model: self, index, kept: false })
    }

    fn used(&self) -> MutexGuard<'_, Vec<bool>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reserved answer. A cancelled call releases it.
struct Taken<'a> {
    model: &'a ScriptModel,
    index: usize,
    kept: bool,
}

impl<'a> Taken<'a> {
    fn answer(&self) -> &'a Recorded {
        &self.model.answers[self.index]
    }

    fn keep(mut self) -> &'a Recorded {
        self.kept = true;
        self.answer()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.model.used()[self.index] = false;
        }
    }
}

impl Model for ScriptModel {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        Box::pin(async move {
            let taken = self.take(request.agent).ok_or_else(|| Fault::Recording {
                file: one_line(&self.file, 200),
                reason: format!("has no answer left for the {}", request.agent.name()),
            })?;
            tokio::time::sleep(Duration::from_millis(taken.answer().delay_ms)).await;
            for line in taken.answer().answer.split_inclusive('\n') {
                let piece = Chunk::Text(line.to_owned());
                chunks.send(piece).await.map_err(|_| Fault::Truncated)?;
            }
            Ok(Finish { outcome: taken.keep().outcome, usage: None })
        })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

    use super::*;
    use redraft_domain::chat::Message;
    use std::io::Write as _;

    const RECORDING: &str = "\
- {agent: planner, answer: plan}
- {agent: coder, answer: c1}
- agent: repair
  answer: |
    r1
    line
- {agent: coder, answer: c2, outcome: cut}
- {agent: coder, answer: c3, delay_ms: 1}
";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn ask(model: &ScriptModel, agent: Agent) -> Result<(String, Outcome), Fault> {
        let request = Request::new(agent, vec![Message::user("x")], 9);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (sender, mut chunks) = mpsc::channel(64);
            let ending = model.answer(&request, sender).await?;
            let mut text = String::new();
            while let Some(Chunk::Text(piece)) = chunks.recv().await {
                text.push_str(&piece);
            }
            Ok((text, ending.outcome))
        })
    }

    #[test]
    fn each_agent_gets_its_next_answer_before_and_after_a_restart() {
        let file = file(RECORDING);
        let calls = [
            (Agent::Coder, "c1", Outcome::Whole),
            (Agent::Repair, "r1\nline\n", Outcome::Whole),
            (Agent::Planner, "plan", Outcome::Whole),
            (Agent::Repair, "c2", Outcome::Cut),
            (Agent::Coder, "c3", Outcome::Whole),
        ];
        for restart in 0..calls.len() {
            let mut used = HashMap::new();
            for (agent, ..) in &calls[..restart] {
                *used.entry(*agent).or_default() += 1;
            }
            let model = ScriptModel::new(file.path(), &used).unwrap();
            for (agent, text, outcome) in &calls[restart..] {
                let said = ask(&model, *agent).unwrap();
                assert_eq!(said, ((*text).to_owned(), *outcome), "from {restart}");
            }
            let fault = ask(&model, Agent::Coder).expect_err("it is used up");
            assert!(!fault.retryable());
            assert!(fault.to_string().contains("no answer left for the coder"), "{fault}");
        }
    }

    #[test]
    fn a_cancelled_call_does_not_consume_an_answer() {
        let answers = vec![Recorded {
            agent: Agent::Coder,
            answer: "a".to_owned(),
            outcome: Outcome::Whole,
            delay_ms: 0,
        }];
        let model = ScriptModel::from_answers("r".to_owned(), answers, &HashMap::new());
        drop(model.take(Agent::Coder));
        assert_eq!(ask(&model, Agent::Coder).unwrap().0, "a");
    }

    #[test]
    fn an_invalid_recording_is_an_error_that_says_why() {
        for (text, words) in [
            ("- {agent: poet, answer: a}\n", "unknown variant `poet`"),
            ("- {agent: coder, answr: a}\n", "unknown field `answr`"),
            ("agent: coder\n", "not a list"),
        ] {
            let file = file(text);
            let fault = ScriptModel::new(file.path(), &HashMap::new()).err().unwrap().to_string();
            assert!(fault.contains(words) && !fault.contains('\n'), "{fault}");
        }
        let missing = ScriptModel::new(Path::new("no-such-file.yaml"), &HashMap::new());
        assert!(missing.err().unwrap().to_string().contains("no-such-file.yaml"));
    }
}
