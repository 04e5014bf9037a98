"""Draining WAL that is there already: minicdc, pg_recvlogical and the patient reader."""

from measure import run

NO_SCHEMAS = ["--set", "key.converter.schemas.enable=false"]
NO_SCHEMAS += ["--set", "value.converter.schemas.enable=false"]


class Drains:
    """Readers of one slot's WAL, which ends at `end` and holds `rows` changes.

    Each run reads a copy of the slot, and counts from the start of its process to its exit.
    """

    def __init__(self, context, slot, end, rows):
        self.context, self.database = context, context.database
        self.slot, self.end, self.rows = slot, end, rows

    def _run(self, command):
        slot = self.database.copy_slot(self.slot)
        try:
            done = run(command(slot), self.database, cwd=self.context.new_directory())
        finally:
            self.database.drop_slot(slot)
        done.rate = self.rows / done.wall
        return done

    def _host(self, unix):
        return self.database.socket_dir if unix else self.database.host

    def capture(self, *options, sink="null", unix=False):
        """minicdc up to the end of the WAL, everything delivered."""
        arguments = ["--sink", sink, "--snapshot", "no_data", "--stop-at", self.end, *options]
        if sink == "kafka":
            # Each run into topics of its own.
            arguments += ["--topic-prefix", f"bench{self.database.copies}"]
            arguments += ["--set", "producer.override.compression.type=lz4"]
        return self._run(
            lambda slot: self.context.capture(slot, *arguments, host=self._host(unix))
        )

    def pg_recvlogical(self, unix=False):
        program = self.database.program("pg_recvlogical")
        return self._run(
            lambda slot: [
                program, "-h", self._host(unix), "-p", self.database.port, "-U", "postgres",
                "-d", self.database.name, "--slot", slot, "--start", "-f", "/dev/null",
                "-o", "proto_version=1", "-o", "publication_names=bench",
                "--endpos", self.end, "-n",
            ]
        )

    def patient(self, unix=False):
        return self._run(
            lambda slot: [
                self.context.patient_reader, self._host(unix), self.database.port,
                self.database.name, slot, "bench", str(self.rows),
            ]
        )
