"""What a number of users and messages needs, from measured coefficients. Arithmetic only."""

import math
from dataclasses import dataclass

from .machine import BACKLOG, FILES_OF_USE, RESERVED_FILES

# Costs that depend on the rate, kept with each step of the search for the knee.
STEP_UNITS = {"cpu_us_per_message": "us", "writer_us_per_message": "us", "disk_written_bytes_per_message": "B"}
# Message ids the server remembers (the setting message-id-window).
MESSAGE_ID_WINDOW = 1_000_000
SECONDS_PER_DAY = 86_400
# Ports of one address for outgoing connections, as widened by ip_local_port_range="1024 65535".
PORTS_PER_ADDRESS = 64_512
DEFAULT_PORTS = 28_232


@dataclass
class Wish:
    """What shall be served."""

    users: int
    messages_per_second: float
    # Members of a group, and the part of all messages that goes to groups.
    group_size: int
    group_share: float
    # The part of the users that is connected at once.
    online: float
    content_bytes: int
    # The part of every resource that stays free.
    headroom: float


@dataclass
class Line:
    """One answer: what is needed, how that comes about, and from which coefficients."""

    name: str
    need: str
    reckoning: str
    coefficients: tuple = ()


class Plan:
    """The answer. `lines` for people, `is_possible` tells whether one server can do it."""

    def __init__(self, wish, measured):
        self.wish = wish
        self._sources = measured["coefficients"] | step_sources(step_for(wish.messages_per_second, measured["steps"]))
        self._processors_measured = measured["machine"]["processors"]
        self.connections = math.ceil(wish.users * wish.online)
        group_messages = wish.messages_per_second * wish.group_share
        self.deliveries = group_messages * max(wish.group_size - 1, 0) * wish.online
        self.lines = [
            self._processors(),
            self._writer(),
            self._memory(),
            self._kernel_memory(),
            self._disk(),
            self._disk_writes(),
            self._network(),
            self._files(),
            *self._kernel_settings(),
        ]

    def source(self, name):
        """Where a coefficient comes from: value, unit, command, when."""
        return self._sources[name]

    def _cost(self, name):
        return self._sources[name]["value"]

    def _spare(self, amount):
        """The amount and the headroom above it."""
        return amount / (1 - self.wish.headroom)

    def cpu_us(self):
        """Microseconds of processor time a second: messages, deliveries to groups, and pings."""
        return (self.wish.messages_per_second * self._cost("cpu_us_per_message")
                + self.deliveries * self._cost("cpu_us_per_group_delivery")
                + self.connections * self._cost("idle_cpu_us_per_connection"))

    def processors(self):
        return max(1, math.ceil(self._spare(self.cpu_us()) / 1e6))

    def writer_share(self):
        """The part of its one processor that the writer needs."""
        return self.wish.messages_per_second * self._cost("writer_us_per_message") / 1e6

    def is_possible(self):
        """Whether the writer, which is one thread, keeps its headroom."""
        return self._spare(self.writer_share()) <= 1

    def _processors(self):
        reckoning = (f"{self.cpu_us() / 1e6:.2f} busy: {self.wish.messages_per_second:g} messages/s, "
                     f"{self.deliveries:.0f} deliveries/s to groups, pings of {self.connections} connections")
        if self.processors() > self._processors_measured:
            reckoning += f"; measured with {self._processors_measured}, so this takes an even spread for granted"
        return Line("processors", str(self.processors()), reckoning,
                    ("cpu_us_per_message", "cpu_us_per_group_delivery", "idle_cpu_us_per_connection"))

    def _writer(self):
        share = self.writer_share()
        if self.is_possible():
            need = "fits"
        else:
            most = self.wish.messages_per_second * (1 - self.wish.headroom) / share
            need = f"one server does {most:.0f} messages/s with this headroom"
        return Line("the one writer thread", need, f"{share:.0%} of one processor", ("writer_us_per_message",))

    def memory_bytes(self):
        """Memory of the server process."""
        return (self._cost("process_bytes")
                + self.wish.users * self._cost("process_bytes_per_account")
                + self.connections * self._cost("process_bytes_per_connection")
                + MESSAGE_ID_WINDOW * self._cost("process_bytes_per_message_id"))

    def _memory(self):
        return Line("memory of the process", size(self._spare(self.memory_bytes())),
                    f"{size(self.memory_bytes())} used: the program, {self.wish.users} accounts, "
                    f"{self.connections} connections, {MESSAGE_ID_WINDOW:,} remembered message ids",
                    ("process_bytes", "process_bytes_per_account", "process_bytes_per_connection",
                     "process_bytes_per_message_id"))

    def _kernel_memory(self):
        used = self.connections * self._cost("kernel_bytes_per_connection")
        return Line("memory of the kernel", size(self._spare(used)), f"{size(used)} used by idle sockets",
                    ("kernel_bytes_per_connection",))

    def stored_bytes_per_message(self):
        return (self._cost("disk_stored_bytes_per_message")
                + self.wish.content_bytes - self._cost("content_bytes"))

    def _disk(self):
        a_day = self.wish.messages_per_second * SECONDS_PER_DAY
        return Line("disk a day", size(a_day * self.stored_bytes_per_message()),
                    f"if every second is as busy: {a_day:,.0f} messages of {self.stored_bytes_per_message():.0f} B",
                    ("disk_stored_bytes_per_message", "content_bytes"))

    def _disk_writes(self):
        written = self.wish.messages_per_second * self._cost("disk_written_bytes_per_message")
        return Line("disk writes", f"{size(self._spare(written))}/s",
                    f"{size(written)}/s, {size(written * SECONDS_PER_DAY)} a day for the endurance of an SSD",
                    ("disk_written_bytes_per_message",))

    def _network(self):
        carried = (self.wish.messages_per_second * self._cost("network_bytes_per_message")
                   + self.deliveries * self._cost("network_bytes_per_group_delivery"))
        return Line("network", f"{self._spare(carried) * 8 / 1e6:.1f} Mbit/s",
                    f"{carried * 8 / 1e6:.1f} used, both directions together",
                    ("network_bytes_per_message", "network_bytes_per_group_delivery"))

    def files(self):
        """The limit of open files: the next power of two that keeps the headroom."""
        return 1 << max(10, math.ceil(math.log2(self._spare(self.connections) + RESERVED_FILES)))

    def _files(self):
        return Line("open files", f"LimitNOFILE={self.files()}",
                    f"{self.connections} connections and {RESERVED_FILES} for the rest")

    def _kernel_settings(self):
        if self.files() > FILES_OF_USE:
            yield Line("more than one server", f"one opens at most {FILES_OF_USE} files", "its own bound")
        yield Line("net.core.somaxconn", str(BACKLOG), "what the server asks for: clients that come back together")
        if self.connections > DEFAULT_PORTS:
            addresses = math.ceil(self.connections / PORTS_PER_ADDRESS)
            yield Line("net.ipv4.ip_local_port_range", "1024 65535",
                       f"only behind a proxy, which needs {addresses} source address(es) to the server")


def step_for(rate, steps):
    """The step whose costs hold for `rate`. A message costs less the busier the server is, so the nearest step
    below; under the lowest, and above the highest, the nearest there is."""
    held = sorted((step for step in steps if step["held"]), key=lambda step: step["rate"])
    below = [step for step in held if step["rate"] <= rate]
    return below[-1] if below else held[0]


def step_sources(step):
    """The costs of a step in the form of coefficients."""
    return {name: {"value": step["figures"][name], "unit": unit, "command": step["command"], "when": step["when"]}
            for name, unit in STEP_UNITS.items()}


def size(count):
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(count) < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
