//! Identifies a process across machines and boots, as a line of text: `ID START SYSTEM BOOT HOST`, with `-` for
//! unknown fields.

use std::fs;
use std::sync::OnceLock;

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Process {
    /// Process id.
    pub(crate) id: Option<u32>,
    /// Start time in the kernel's ticks since boot, because process ids are reused.
    pub(crate) start: Option<u64>,
    /// Hash of its boot and process namespace.
    pub(crate) system: Option<String>,
    /// The kernel's id of this boot.
    pub(crate) boot: Option<String>,
    /// Host name.
    pub(crate) host: Option<String>,
}

impl Process {
    /// The calling process.
    pub(crate) fn this() -> &'static Self {
        static THIS: OnceLock<Process> = OnceLock::new();
        THIS.get_or_init(|| {
            let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok();
            let space = fs::read_link("/proc/self/ns/pid").ok();
            let system = boot.as_ref().zip(space).map(|(boot, space)| {
                super::hash(format!("{boot} {}", space.display()).as_bytes())[..8].to_owned()
            });
            let told = fs::read_to_string("/proc/self/stat").ok();
            let start = told.and_then(|told| running(&told)).map(|(_, start)| start);
            #[cfg(unix)]
            let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok());
            #[cfg(not(unix))]
            let host = std::env::var("COMPUTERNAME").ok();
            let word = |text: String| Some(text.trim().to_owned()).filter(|text| is_word(text));
            Self {
                id: Some(std::process::id()),
                start,
                system,
                boot: boot.and_then(word),
                host: host.and_then(word),
            }
        })
    }

    /// The line that identifies it.
    pub(crate) fn line(&self) -> String {
        let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let (id, start) = (self.id.map(|id| id.to_string()), self.start.map(|at| at.to_string()));
        let texts = [&id, &start, &self.system, &self.boot, &self.host];
        texts.map(|text| or(text.as_deref())).join(" ") + "\n"
    }

    /// Parses a line; fields that are missing or invalid are `None`.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = line.trim().split(' ').map(|word| Some(word).filter(|word| *word != "-"));
        let mut next = || words.next().flatten().filter(|word| is_word(word));
        Self {
            id: next().and_then(|word| word.parse().ok()),
            start: next().and_then(|word| word.parse().ok()),
            system: next().map(str::to_owned),
            boot: next().map(str::to_owned),
            host: next().map(str::to_owned),
        }
    }

    /// Whether it is known to have ended: it ran on this machine and no longer does, or ran before the last
    /// boot. Processes of other machines are never known to have ended.
    pub(crate) fn is_gone(&self) -> bool {
        let this = Self::this();
        match self {
            Self { id: Some(id), start: Some(start), system: Some(system), .. }
                if this.system.as_ref() == Some(system) =>
            {
                !is_alive(*id, *start)
            }
            Self { boot: Some(boot), host: Some(host), .. } => {
                this.host.as_ref() == Some(host)
                    && this.boot.as_ref().is_some_and(|here| here != boot)
            }
            _ => false,
        }
    }
}

/// This machine since its last boot, within which process ids are meaningful: its host name and boot id.
#[must_use]
pub fn this_boot() -> String {
    let Process { host, boot, .. } = Process::this();
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{} {}", or_none(host), or_none(boot))
}

/// Whether a text can be a field, and be shown.
fn is_word(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= 255 && text.bytes().all(plain)
}

/// Whether the process with this id and start time is running.
pub(crate) fn is_alive(id: u32, start: u64) -> bool {
    let Ok(told) = fs::read_to_string(format!("/proc/{id}/stat")) else {
        // A `/proc` that hides processes (`hidepid`) hides those of this user that hide their memory.
        #[cfg(unix)]
        {
            let id = i32::try_from(id).unwrap_or(i32::MAX);
            let asked = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), None);
            return id > 0 && asked != Err(nix::errno::Errno::ESRCH);
        }
        #[cfg(not(unix))]
        return false;
    };
    running(&told) == Some((id, start))
}

/// Process id and start time in the text of a `stat` file; `None` if the process has ended.
fn running(text: &str) -> Option<(u32, u64)> {
    // The program's name is in parentheses and may contain any character.
    let (before, after) = text.rsplit_once(") ")?;
    let pid = before.split(' ').next()?.parse().ok()?;
    let mut fields = after.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X");
    let start = fields.nth(18)?.parse().ok()?;
    (!ended).then_some((pid, start))
}
