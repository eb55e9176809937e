//! Memory use of a child, with all of its processes.
//!
//! Each kind of memory is either counted here, bounded by a resource limit ([`confine`]), or its
//! system calls are refused ([`syscalls`]):
//! - private and mapped pages, swapped pages and page tables: counted for each process;
//! - anonymous shared memory: the processes may allocate at most the limit over the whole run, and
//!   each request is answered here. Parts that they unmap may stay allocated, invisible from
//!   outside, so the growth of the system's shared memory is counted for them;
//! - files in `/dev/shm`: counted. Other files are in memory too, and bounded by the disk limit;
//! - sockets: counted with their full buffer size, which the child can't increase;
//! - helper programs outside, such as the display: growth since the start is counted;
//! - anonymous files (`memfd`), System V shared memory, huge pages, pages moved into pipes:
//!   refused.
//!
//! [`confine`]: super::confine
//! [`syscalls`]: super::syscalls

use std::collections::HashMap;
use std::fs;
use std::io::{ErrorKind, PipeReader, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::statvfs::statvfs;
use nix::unistd::{ForkResult, Pid};

use super::raw;
use crate::Job;

/// How long a precise measurement may take before the system-wide memory decides.
const PATIENCE: Duration = Duration::from_millis(500);
/// The kernel's unit of TCP memory: the smallest page size on all known machines.
const PAGE: u64 = 4096;
/// Buffer size of a TCP socket, in bytes, if the kernel does not report it.
const TCP_BUFFERS: u64 = 16 << 20;

/// Measures the memory of a child.
pub(super) struct Memory {
    limit: u64,
    /// The child's `/proc`.
    proc: PathBuf,
    /// Its root, whose files count towards the disk limit.
    root: PathBuf,
    /// Its `/dev/shm`, whose files count as memory.
    files: PathBuf,
    /// Helper processes outside, with their memory at the start.
    helpers: Vec<(PathBuf, u64)>,
    sockets: Sockets,
    /// Total bytes of anonymous shared memory requested.
    shared: u64,
    /// The system's shared memory before the first of these requests.
    shared_before: u64,
    /// The system's memory use before the child started.
    system_before: u64,
    looking: Option<Looking>,
    last: Option<Thorough>,
}

/// A precise measurement in a separate process. The kernel makes it wait while the child's
/// processes change their mappings, and nothing else must wait for that.
struct Looking {
    process: Pid,
    found: PipeReader,
    text: Vec<u8>,
    /// The processes being measured.
    asked: Vec<u32>,
    /// Since when the memory use is uncertain.
    since: Instant,
    /// The estimate at its start, which counts shared pages once per process.
    sum: Held,
}

/// Result of a precise measurement, which counts shared pages once.
struct Thorough {
    found: Held,
    sum: Held,
    /// When to measure again, because pages shared with ended processes now belong to others.
    again: Instant,
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Held {
    /// Private and file pages, swapped pages, page tables.
    own: u64,
    /// Mapped pages of shared memory.
    shared: u64,
}

impl Held {
    fn all(self) -> u64 {
        self.own + self.shared
    }

    /// Growth since another measurement.
    fn beyond(self, other: Self) -> Self {
        Self {
            own: self.own.saturating_sub(other.own),
            shared: self.shared.saturating_sub(other.shared),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self { own: self.own + other.own, shared: self.shared + other.shared }
    }
}

impl Memory {
    /// Starts the measurement, before the child exists.
    pub(super) fn begin(root: &Path, job: &Job) -> Self {
        let helpers = job.counted.iter().map(|id| {
            let process = PathBuf::from(format!("/proc/{id}"));
            let before = held(&process).all();
            (process, before)
        });
        Self {
            limit: job.limits.memory,
            proc: root.join("proc"),
            root: root.to_owned(),
            files: root.join("dev/shm"),
            helpers: helpers.collect(),
            sockets: Sockets::begin(),
            shared: 0,
            shared_before: 0,
            system_before: system_memory(),
            looking: None,
            last: None,
        }
    }

    /// Answers a process's request for anonymous shared memory.
    pub(super) fn answer(&mut self, asked: &OwnedFd) {
        let Ok(request) = raw::next_call(asked) else { return };
        let size = request.data.args[1].div_ceil(PAGE).saturating_mul(PAGE);
        if self.shared == 0 {
            self.shared_before = self.system_shared();
        }
        let sum = self.shared.saturating_add(size);
        let fits = sum <= self.limit;
        if fits {
            self.shared = sum;
        }
        // A process that was killed meanwhile needs no answer.
        let _ = raw::answer_call(asked, request.id, if fits { 0 } else { libc::ENOMEM });
    }

    /// Bytes in use; equals the limit while it is uncertain whether more is used.
    pub(super) fn held(&mut self) -> u64 {
        let outside = used(&self.files) + self.sockets.hold() + self.helpers();
        let unmapped = self.unmapped();
        let total = |held: Held| outside + held.own + held.shared.max(unmapped);
        let processes = self.processes();
        let each: Vec<(u32, Held)> =
            processes.iter().map(|id| (*id, held(&self.place(*id)))).collect();
        let sum = each.iter().fold(Held::default(), |sum, one| sum.plus(one.1));
        if total(sum) <= self.limit || processes.len() < 2 {
            if let Some(looking) = self.looking.take() {
                let _ = kill(looking.process, Signal::SIGKILL);
            }
            return total(sum);
        }
        // Forked processes share pages, which must count once. Measuring that takes the kernel long
        // if there are many mappings, so it is done only near the limit.
        let mut since = Instant::now();
        if let Some(found) = self.looking.as_mut().and_then(Looking::ended)
            && let Some(looking) = self.looking.take()
        {
            let of = |(id, all): &(u32, Held)| found.get(id).copied().unwrap_or(*all);
            let found = each.iter().map(of).fold(Held::default(), Held::plus);
            since = looking.since;
            if each.iter().all(|(id, _)| looking.asked.contains(id)) || total(found) <= self.limit {
                let again = Instant::now() + PATIENCE.max(since.elapsed() * 4);
                self.last = Some(Thorough { found, sum: looking.sum, again });
                return total(found);
            }
            // New processes started meanwhile.
            self.last = None;
        }
        if let Some(last) = self.last.as_ref().filter(|last| Instant::now() < last.again) {
            let most = total(last.found.plus(sum.beyond(last.sum)));
            if most <= self.limit {
                return most;
            }
        }
        if self.looking.is_none() {
            self.looking = self.look(processes, sum, since);
        }
        // If the measurement is delayed, the child is stopped once all programs of the system
        // together grew beyond the limit.
        let waits = |looking: &Looking| {
            let grown = || system_memory().saturating_sub(self.system_before);
            looking.since.elapsed() < PATIENCE || grown() <= self.limit
        };
        if self.looking.as_ref().is_some_and(waits) { self.limit } else { total(sum) }
    }

    /// Starts a precise measurement of these processes.
    fn look(&self, asked: Vec<u32>, sum: Held, since: Instant) -> Option<Looking> {
        let (found, mut to) = pipe().ok()?;
        fcntl(&found, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).ok()?;
        match raw::fork_single().ok()? {
            ForkResult::Child => {
                for id in asked {
                    if let Some(Held { own, shared }) = share(&self.place(id)) {
                        let _ = writeln!(to, "{id} {own} {shared}");
                    }
                }
                std::process::exit(0)
            }
            ForkResult::Parent { child } => {
                Some(Looking { process: child, found, text: Vec::new(), asked, sum, since })
            }
        }
    }

    fn place(&self, process: u32) -> PathBuf {
        self.proc.join(process.to_string())
    }

    /// The child's processes: all but the keeper, which has pid 1, and the measuring process.
    fn processes(&self) -> Vec<u32> {
        let looks = self.looking.as_ref().and_then(|l| u32::try_from(l.process.as_raw()).ok());
        let entries = fs::read_dir(&self.proc).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        ids.filter(|id| *id != 1 && Some(*id) != looks).collect()
    }

    /// Upper bound of its anonymous shared memory, mapped or not.
    fn unmapped(&self) -> u64 {
        if self.shared == 0 {
            return 0;
        }
        self.shared.min(self.system_shared().saturating_sub(self.shared_before))
    }

    /// The system's shared memory without the child's files, which it could remove meanwhile.
    fn system_shared(&self) -> u64 {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        kilobytes(&text, "Shmem:").saturating_sub(used(&self.root) + used(&self.files))
    }

    fn helpers(&self) -> u64 {
        self.helpers
            .iter()
            .map(|(process, before)| held(process).all().saturating_sub(*before))
            .sum()
    }
}

impl Looking {
    /// The result for each process, once the measurement has ended.
    fn ended(&mut self) -> Option<HashMap<u32, Held>> {
        match self.found.read_to_end(&mut self.text) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
            _ => {}
        }
        let text = String::from_utf8_lossy(&self.text);
        let line = |line: &str| {
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            let id = u32::try_from(numbers.next()?.ok()?).ok()?;
            Some((id, Held { own: numbers.next()?.ok()?, shared: numbers.next()?.ok()? }))
        };
        Some(text.lines().filter_map(line).collect())
    }
}

/// Memory of a process; zero if it has ended.
fn held(process: &Path) -> Held {
    let text = fs::read_to_string(process.join("status")).unwrap_or_default();
    let field = |name| kilobytes(&text, name);
    let own = ["RssAnon:", "RssFile:", "VmSwap:", "VmPTE:"].map(field).iter().sum();
    Held { own, shared: field("RssShmem:") }
}

/// The same with shared pages divided among their users; `None` if the kernel does not report it.
fn share(process: &Path) -> Option<Held> {
    let text = fs::read_to_string(process.join("smaps_rollup")).ok()?;
    let field = |name| kilobytes(&text, name);
    let own = field("Pss_Anon:") + field("Pss_File:") + field("SwapPss:");
    Some(Held { own, shared: field("Pss_Shmem:") })
}

/// Bytes used by the files of a file system.
fn used(files: &Path) -> u64 {
    statvfs(files).map_or(0, |disk| {
        disk.blocks().saturating_sub(disk.blocks_free()).saturating_mul(disk.fragment_size())
    })
}

/// Memory of all programs on the system, with shared pages counted once.
fn system_memory() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name| kilobytes(&text, name);
    let swapped = field("SwapTotal:").saturating_sub(field("SwapFree:"));
    field("AnonPages:") + field("Shmem:") + swapped
}

/// The value of the line with this name, converted from KiB to bytes.
fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    number.unwrap_or(0).saturating_mul(1024)
}

/// Socket statistics of this network namespace.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    /// All sockets.
    sockets: u64,
    /// TCP sockets, and the bytes that TCP uses in all namespaces.
    tcp: u64,
    tcp_memory: u64,
}

impl Counts {
    fn now() -> Self {
        let text = fs::read_to_string("/proc/self/net/sockstat").unwrap_or_default();
        let number = |line: &str, name: &str| {
            let words: Vec<&str> =
                text.lines().find_map(|l| l.strip_prefix(line))?.split(' ').collect();
            words.windows(2).find(|pair| pair[0] == name)?[1].parse::<u64>().ok()
        };
        Self {
            sockets: number("sockets:", "used").unwrap_or(0),
            tcp: number("TCP:", "inuse").unwrap_or(0),
            tcp_memory: number("TCP:", "mem").unwrap_or(0).saturating_mul(PAGE),
        }
    }
}

/// Upper bound of the memory of sockets. With network access, the machine's sockets are counted
/// from their number at the start.
struct Sockets {
    before: Counts,
}

impl Sockets {
    fn begin() -> Self {
        Self { before: Counts::now() }
    }

    fn hold(&self) -> u64 {
        let now = Counts::now();
        let sockets = now.sockets.saturating_sub(self.before.sockets);
        if sockets == 0 {
            return 0;
        }
        let setting = |name: &str| -> Option<u64> {
            let text = fs::read_to_string(format!("/proc/sys/net/{name}")).ok()?;
            // The last of several values is the maximum.
            text.split_whitespace().last()?.parse().ok()
        };
        let buffer = ["core/wmem_default", "core/rmem_default"].map(setting);
        let buffer = buffer.into_iter().flatten().max().unwrap_or(256 << 10);
        let tcp = ["ipv4/tcp_wmem", "ipv4/tcp_rmem"].map(setting);
        let tcp: u64 = tcp.into_iter().map(|most| most.unwrap_or(TCP_BUFFERS)).sum();
        let tcp = now.tcp.saturating_sub(self.before.tcp).saturating_mul(tcp);
        let grown = now.tcp_memory.saturating_sub(self.before.tcp_memory);
        sockets.saturating_mul(buffer) + tcp.min(grown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_read() {
        let text = "VmRSS:\t   9 kB\nRssAnon:\t     7 kB\nVmSwap:\t 2 kB\nRssShmem:\tmany kB\n";
        for (name, bytes) in
            [("RssAnon:", 7 << 10), ("VmSwap:", 2 << 10), ("RssShmem:", 0), ("VmPTE:", 0)]
        {
            assert_eq!(kilobytes(text, name), bytes, "{name}");
        }
    }

    #[test]
    fn this_process_holds_something() {
        let this = held(Path::new("/proc/self"));
        assert!(this.own > 1 << 20, "{this:?}");
        assert_eq!(held(Path::new("/proc/0")), Held::default());
    }
}
