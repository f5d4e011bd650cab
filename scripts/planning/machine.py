"""The machine as it is: what bounds a server on it, and the command that lifts each bound."""

import ctypes
import os
import platform
import resource
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# The server keeps these descriptors for other things than connections.
RESERVED_FILES = 64
# The server asks the kernel to keep so many connections until they are accepted.
BACKLOG = 4096
# File limits above it gain nothing: the server stops there, and it is the usual fs.nr_open.
FILES_OF_USE = 1 << 20
# Without connections of its own, a machine on which to measure should be idle.
BUSY_SHARE = 0.1

IO_URING_SETUP = 425  # the same number on every architecture that Rust and Linux share
SINGLE_ISSUER_AND_DEFERRED = 1 << 12 | 1 << 13
SYNCED_BLOCKS = 200


@dataclass
class Finding:
    """One property: what it bounds, and how to lift the bound where it is low."""

    name: str
    value: str
    bounds: str
    cure: str = ""


def read(path, default=""):
    try:
        return Path(path).read_text().strip()
    except OSError:
        return default


def identity(folder):
    """What a reader must know to compare a figure with another machine's."""
    return {
        "processor": processor_model(),
        "processors": processors(),
        "memory_bytes": memory_bytes(),
        "kernel": platform.release(),
        "file_system": file_system(folder),
    }


def processors():
    """Processors this process may use, also where a container gives it part of them."""
    allowed = len(os.sched_getaffinity(0))
    quota, _, period = read("/sys/fs/cgroup/cpu.max").partition(" ")
    return min(allowed, max(1, int(quota) // int(period))) if quota.isdigit() else allowed


def processor_model():
    for line in read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def memory_bytes():
    """Memory of the machine, or of the container if that is less."""
    machine = int(meminfo()["MemTotal"])
    container = read("/sys/fs/cgroup/memory.max")
    return min(machine, int(container)) if container.isdigit() else machine


def meminfo():
    lines = (line.split() for line in read("/proc/meminfo").splitlines())
    return {words[0].rstrip(":"): int(words[1]) * 1024 for words in lines}


def file_system(folder):
    """Type of the file system that holds `folder`."""
    folder, best, kind = str(Path(folder).resolve()), "", ""
    for line in read("/proc/self/mounts").splitlines():
        _, mount, mount_kind, *_ = line.split()
        inside = folder == mount or folder.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, mount_kind
    return kind


def findings(folder):
    """Everything worth knowing before a measurement or a start; `folder` is where the data is to be."""
    return [
        *cores_and_memory(),
        *file_limits(),
        *network(),
        *kernel(),
        *disk(folder),
    ]


def cores_and_memory():
    busy = busy_processors()
    yield Finding("processors", f"{processors()} x {processor_model()}",
                  "messages a second; one serves the writer, the others connections")
    yield Finding("processors busy now", f"{busy:.2f}", "how far rates and latencies measured here can be trusted",
                  "stop what else runs" if busy > BUSY_SHARE * processors() else "")
    yield Finding("memory", f"{memory_bytes() / 2**30:.1f} GiB, {meminfo()['MemAvailable'] / 2**30:.1f} available",
                  "connections, and what of the databases stays cached")


def busy_processors(seconds=0.5):
    """Processors the whole machine keeps busy while this process waits."""
    def ticks():
        fields = [int(field) for field in read("/proc/stat").splitlines()[0].split()[1:9]]
        return sum(fields) - fields[3] - fields[4]

    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds


def file_limits():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = int(read("/proc/sys/fs/nr_open", "1048576"))
    low = hard < FILES_OF_USE
    yield Finding("open files, soft and hard", f"{soft}, {hard}",
                  f"connections of one server: at most {min(hard, FILES_OF_USE) - RESERVED_FILES} "
                  "(it raises the soft limit itself)",
                  f"LimitNOFILE={FILES_OF_USE} (systemd), --ulimit nofile={FILES_OF_USE} (docker), "
                  f"or ulimit -Hn {FILES_OF_USE} as root" if low else "")
    yield Finding("open files, highest limit", str(ceiling), "the limit above",
                  f"sysctl -w fs.nr_open={FILES_OF_USE}" if ceiling < FILES_OF_USE else "")


def network():
    first, last = (int(port) for port in read("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999").split())
    ports = last - first + 1
    yield Finding("ports for outgoing connections", str(ports),
                  "connections that one address of a proxy, or of a load generator, opens to one server address",
                  'sysctl -w net.ipv4.ip_local_port_range="1024 65535"' if ports < 60_000 else "")
    backlog = int(read("/proc/sys/net/core/somaxconn", "128"))
    yield Finding("longest backlog", str(backlog), "connections that may arrive at once, after a restart",
                  f"sysctl -w net.core.somaxconn={BACKLOG}" if backlog < BACKLOG else "")
    tracked = read("/proc/sys/net/netfilter/nf_conntrack_max")
    if tracked:
        yield Finding("connections the firewall tracks", tracked, "connections, when the firewall tracks them",
                      "sysctl -w net.netfilter.nf_conntrack_max=1048576" if int(tracked) < FILES_OF_USE else "")


def kernel():
    yield Finding("io_uring", *io_uring())
    yield Finding("kernel", platform.release(), "Linux 6.1 and newer run completions without interrupts")


def io_uring():
    """Whether a ring can be set up, what it bounds, and the cure."""
    bounds = "processor time per message: without it the server runs on epoll"
    if set_up_ring(SINGLE_ISSUER_AND_DEFERRED) == 0:
        return "yes, deferred completions", bounds
    error = set_up_ring(0)
    if error == 0:
        return "yes", bounds
    disabled = read("/proc/sys/kernel/io_uring_disabled") in ("1", "2")
    return (f"no: {os.strerror(error)}", bounds,
            "sysctl -w kernel.io_uring_disabled=0" if disabled else
            "a newer kernel, or docker run --security-opt seccomp=unconfined")


def set_up_ring(flags):
    """Sets up a ring and closes it again; the error number, or 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = (ctypes.c_uint32 * 30)()  # struct io_uring_params: 120 bytes, the third word holds the flags
    parameters[2] = flags
    ring = libc.syscall(IO_URING_SETUP, 8, ctypes.byref(parameters))
    if ring < 0:
        return ctypes.get_errno()
    os.close(ring)
    return 0


def disk(folder):
    median, late = sync_latency(folder)
    yield Finding("fdatasync of 4 KiB", f"{median * 1e3:.2f} ms median, {late * 1e3:.2f} ms p99",
                  "how soon a message is acknowledged: each commit waits for one",
                  "a disk with a power-safe cache" if late > 0.02 else "")
    kind = file_system(folder)
    free = shutil.disk_usage(folder).free
    yield Finding("disk", f"{free / 2**30:.1f} GiB free on {kind} at {folder}", "messages that can be stored",
                  "another folder: this one is memory" if kind in ("tmpfs", "ramfs") else "")


def sync_latency(folder):
    """Median and 99th percentile, in seconds, of appending 4 KiB and waiting until the disk has them."""
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(SYNCED_BLOCKS):
            file.write(os.urandom(4096))
            file.flush()
            started = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - started)
    times.sort()
    return times[len(times) // 2], times[len(times) * 99 // 100]
