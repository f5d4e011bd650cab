import errno
import os
import unittest

from planning import machine


class Findings(unittest.TestCase):
    def test_everything_is_explained(self):
        found = machine.findings("/var/tmp")
        self.assertGreaterEqual(len(found), 10)
        for finding in found:
            self.assertTrue(finding.value and finding.bounds, finding)

    def test_the_file_system_is_the_innermost_mount(self):
        self.assertEqual(machine.file_system("/proc/self"), "proc")
        self.assertNotIn(machine.file_system("/"), ("", "proc"))

    def test_a_ring_with_impossible_flags_is_refused(self):
        before = len(os.listdir("/proc/self/fd"))
        self.assertIn(machine.set_up_ring(1 << 31), (errno.EINVAL, errno.EPERM, errno.ENOSYS))
        machine.set_up_ring(0)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_a_sync_takes_time(self):
        median, late = machine.sync_latency("/var/tmp")
        self.assertTrue(0 < median <= late)


if __name__ == "__main__":
    unittest.main()
