//! What a process and the machine spent, as `/proc` tells it.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Sub;

use crate::error::Result;

/// Counters of a process since its start.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Nanoseconds on a CPU, by thread name; the kernel's workers for a process are threads of it.
    pub cpu_ns_by_thread: BTreeMap<String, u64>,
    /// Context switches of all threads.
    pub switches: u64,
    /// Bytes caused to be written to storage.
    pub written_bytes: u64,
    /// Bytes that had to come from storage, since no memory held them.
    pub read_bytes: u64,
}

impl Usage {
    /// Reads the counters of the process `pid`.
    pub fn of(pid: u32) -> Result<Self> {
        let io = format!("/proc/{pid}/io");
        let mut usage = Self {
            written_bytes: number_after(&io, "\nwrite_bytes:")?,
            read_bytes: number_after(&io, "\nread_bytes:")?,
            ..Self::default()
        };
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end while it is looked at.
            let _ = usage.add_thread(&entry?.path().to_string_lossy());
        }
        Ok(usage)
    }

    fn add_thread(&mut self, task: &str) -> Result<()> {
        let schedule = fs::read_to_string(format!("{task}/schedstat"))?;
        let on_cpu: u64 = schedule.split(' ').next().unwrap_or_default().parse()?;
        let name = fs::read_to_string(format!("{task}/comm"))?;
        let name = name.trim().to_owned();
        let status = format!("{task}/status");
        self.switches += number_after(&status, "\nvoluntary_ctxt_switches:")?
            + number_after(&status, "\nnonvoluntary_ctxt_switches:")?;
        *self.cpu_ns_by_thread.entry(name).or_default() += on_cpu;
        Ok(())
    }

    /// Nanoseconds on a CPU, all threads.
    pub fn cpu_ns(&self) -> u64 {
        self.cpu_ns_by_thread.values().sum()
    }
}

impl Sub for &Usage {
    type Output = Usage;

    fn sub(self, earlier: &Usage) -> Usage {
        let before = |name| earlier.cpu_ns_by_thread.get(name).copied().unwrap_or_default();
        Usage {
            cpu_ns_by_thread: self
                .cpu_ns_by_thread
                .iter()
                .map(|(name, &ns)| (name.clone(), ns.saturating_sub(before(name))))
                .collect(),
            switches: self.switches.saturating_sub(earlier.switches),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
        }
    }
}

/// Bytes of memory the process holds now.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    Ok(number_after(&format!("/proc/{pid}/status"), "\nVmRSS:")? * 1024)
}

/// Files and sockets the process has open.
pub fn descriptors(pid: u32) -> Result<u64> {
    Ok(fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64)
}

/// Bytes of kernel memory that cannot be reclaimed, of the whole machine: sockets and their buffers among it.
pub fn kernel_bytes() -> Result<u64> {
    // Makes the CPUs add up what each has counted so far. Not everybody may ask; then the sum is a second old.
    let _ = fs::read("/proc/sys/vm/stat_refresh");
    Ok(number_after("/proc/meminfo", "\nSUnreclaim:")? * 1024)
}

/// Clock ticks in which a CPU of the machine was busy, of 100 a second.
pub fn busy_ticks() -> Result<u64> {
    let text = fs::read_to_string("/proc/stat")?;
    let line = text.lines().next().unwrap_or_default();
    let fields: Vec<u64> = line
        .split_whitespace()
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let idle = fields.iter().skip(3).take(2).sum::<u64>();
    Ok(fields.iter().take(8).sum::<u64>() - idle)
}

/// The kernel's release.
pub fn kernel_release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn number_after(path: &str, mark: &str) -> Result<u64> {
    let text = format!("\n{}", fs::read_to_string(path)?);
    let number = text
        .split_once(mark)
        .and_then(|(_, rest)| rest.split_whitespace().next())
        .ok_or_else(|| format!("{path} has no{mark:?}"))?;
    Ok(number.parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_this_process_is_seen() {
        let pid = std::process::id();
        let before = Usage::of(pid).unwrap();
        let started = std::time::Instant::now();
        while started.elapsed().as_millis() < 50 {
            std::hint::spin_loop();
        }
        let spent = &Usage::of(pid).unwrap() - &before;
        assert!(spent.cpu_ns() > 2_000_000, "{spent:?}");
        assert!(resident_bytes(pid).unwrap() > 1024 * 1024);
        assert!(descriptors(pid).unwrap() >= 3);
        assert!(busy_ticks().unwrap() > 0);
    }
}
