import unittest

from planning.plan import Plan, Wish, size, step_for


def step(rate, cpu, held=True):
    figures = {"cpu_us_per_message": cpu, "writer_us_per_message": cpu / 4, "disk_written_bytes_per_message": 2000}
    return {"rate": rate, "held": held, "figures": figures, "command": f"chat --rate {rate}", "when": "then"}


MEASURED = {
    "machine": {"processors": 2},
    "steps": [step(1000, 80), step(4000, 40), step(8000, 20), step(16_000, 10, held=False)],
    "coefficients": {name: {"value": value, "unit": "", "command": "", "when": ""} for name, value in {
        "cpu_us_per_group_delivery": 4,
        "idle_cpu_us_per_connection": 1,
        "network_bytes_per_message": 1000,
        "network_bytes_per_group_delivery": 300,
        "process_bytes": 10_000_000,
        "process_bytes_per_account": 100,
        "process_bytes_per_connection": 1000,
        "process_bytes_per_message_id": 50,
        "kernel_bytes_per_connection": 4000,
        "disk_stored_bytes_per_message": 300,
        "content_bytes": 120,
    }.items()},
}


def plan(**wishes):
    wish = {"users": 100_000, "messages_per_second": 4000, "group_size": 0, "group_share": 0, "online": 0.3,
            "content_bytes": 120, "headroom": 0.5}
    return Plan(Wish(**(wish | wishes)), MEASURED)


class Arithmetic(unittest.TestCase):
    def test_processors_are_the_sum_of_messages_deliveries_and_pings(self):
        # 4,000 messages of 40 us, and 30,000 connections of 1 us/s.
        self.assertEqual(plan().cpu_us(), 190_000)
        self.assertEqual(plan().processors(), 1)
        # 1,000 messages a second to groups of 101, of which 30 are connected: 30,000 deliveries of 4 us more.
        groups = plan(group_size=101, group_share=0.25)
        self.assertEqual(groups.deliveries, 30_000)
        self.assertEqual(groups.cpu_us(), 310_000)
        self.assertEqual(plan(headroom=0.9).processors(), 2)

    def test_more_processors_than_were_measured_are_no_measurement(self):
        self.assertNotIn("for granted", plan().lines[0].reckoning)
        self.assertIn("for granted", plan(messages_per_second=90_000).lines[0].reckoning)

    def test_costs_come_from_the_nearest_load_that_held(self):
        costs = [plan(messages_per_second=rate).source("cpu_us_per_message")["value"]
                 for rate in (1, 1000, 3999, 4000, 9000, 50_000)]
        self.assertEqual(costs, [80, 80, 80, 40, 20, 20])
        self.assertEqual(plan(messages_per_second=9000).source("cpu_us_per_message")["command"], "chat --rate 8000")
        self.assertEqual(step_for(5, [step(10, 1), step(5, 2, held=False)])["rate"], 10)

    def test_the_writer_is_one_thread(self):
        # At 8,000/s and above it needs 5 us a message: 100,000/s is half of a processor.
        self.assertTrue(plan(messages_per_second=99_000).is_possible())
        self.assertFalse(plan(messages_per_second=101_000).is_possible())
        needs = {line.name: line.need for line in plan(messages_per_second=200_000).lines}
        self.assertIn("100000 messages/s", needs["the one writer thread"])

    def test_memory_is_the_sum_of_its_parts(self):
        self.assertEqual(plan().memory_bytes(), 10_000_000 + 10_000_000 + 30_000_000 + 50_000_000)

    def test_longer_contents_take_more_disk(self):
        self.assertEqual(plan().stored_bytes_per_message(), 300)
        self.assertEqual(plan(content_bytes=1120).stored_bytes_per_message(), 1300)
        needs = {line.name: line.need for line in plan().lines}
        self.assertEqual(needs["disk a day"], size(4000 * 86_400 * 300))

    def test_files_are_a_power_of_two_above_the_connections(self):
        self.assertEqual(plan().files(), 65_536)
        self.assertEqual(plan(users=10).files(), 1024)
        self.assertEqual(plan(users=109_200).files(), 131_072)

    def test_every_line_names_coefficients_that_exist(self):
        answer = plan(group_size=50, group_share=0.2)
        for line in answer.lines:
            for name in line.coefficients:
                self.assertIn("when", answer.source(name))

    def test_settings_appear_where_they_are_needed(self):
        few = {line.name for line in plan(users=1000).lines}
        many = {line.name for line in plan(users=4_000_000).lines}
        self.assertNotIn("net.ipv4.ip_local_port_range", few)
        self.assertLessEqual({"net.ipv4.ip_local_port_range", "more than one server"}, many)

    def test_sizes_are_readable(self):
        self.assertEqual([size(0), size(1023), size(1536), size(3 << 30)], ["0 B", "1023 B", "1.5 KiB", "3.0 GiB"])


if __name__ == "__main__":
    unittest.main()
