//! CPU and memory of processes, read from Linux's /proc.

use anyhow::Context;

/// CPU time in seconds and memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// User and system time of the process since it started; for [`cluster`] of all PostgreSQL processes, gone ones included.
    pub cpu: f64,
    /// Resident memory now.
    pub resident: u64,
}

/// One process with all its threads.
pub fn process(pid: i32) -> anyhow::Result<Reading> {
    let stat = Stat::read(pid).with_context(|| format!("process {pid} is gone"))?;
    Ok(Reading { cpu: stat.own, resident: stat.resident })
}

/// The process that started it.
pub fn parent(pid: i32) -> anyhow::Result<i32> {
    Ok(Stat::read(pid).with_context(|| format!("process {pid} is gone"))?.parent)
}

/// A PostgreSQL cluster: its postmaster, the backends of this moment, and those that ended, whose time the postmaster inherited.
pub fn cluster(postmaster: i32) -> anyhow::Result<Reading> {
    let stat = Stat::read(postmaster).with_context(|| format!("the postmaster {postmaster} is gone"))?;
    let pids = std::fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let backends: Vec<_> = pids.filter_map(Stat::read).filter(|backend| backend.parent == postmaster).collect();
    Ok(Reading {
        cpu: stat.own + stat.reaped + backends.iter().map(|backend| backend.own).sum::<f64>(),
        // Shared buffers count in every backend that touched them: good for comparing two states, not as an absolute number.
        resident: backends.iter().map(|backend| backend.resident).sum(),
    })
}

/// Fields of `/proc/<pid>/stat`, proc(5).
struct Stat {
    parent: i32,
    own: f64,
    reaped: f64,
    resident: u64,
}

impl Stat {
    fn read(pid: i32) -> Option<Stat> {
        let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The command's name stands in parentheses and may hold anything; the fields that follow start with the third.
        let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        // USER_HZ has been 100 on every Linux of the last decades, and pages are 4 KiB where this runs.
        let seconds = |field: usize| Some(number(field)? as f64 / 100.0);
        Some(Stat {
            parent: fields.get(1)?.parse().ok()?,
            own: seconds(14)? + seconds(15)?,
            reaped: seconds(16)? + seconds(17)?,
            resident: number(24)? * 4096,
        })
    }
}
