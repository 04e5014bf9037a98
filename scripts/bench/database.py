"""The measured database: its tables, the WAL to drain, and slots that all stand at its beginning."""

import os
import shutil
import subprocess
import time

from measure import Failed, wait_until

TABLES = """
CREATE TABLE bench(id bigint primary key, name text not null, email varchar(100), qty int,
  price numeric(12,2), active boolean, created timestamptz, payload jsonb);
CREATE TABLE marker(id int primary key);
CREATE PUBLICATION bench FOR TABLE bench, marker;
CREATE PROCEDURE fill(first int, last int, per_transaction int) LANGUAGE plpgsql AS $$
BEGIN FOR i IN first..last LOOP
  INSERT INTO bench VALUES (i, 'customer name ' || i, 'user' || i || '@example.com', i % 1000,
    (i % 100000) / 100.0, i % 2 = 0, '2024-01-01'::timestamptz + i * interval '1 second',
    jsonb_build_object('k', i, 'tag', 'value-' || (i % 50), 'n', i % 7));
  IF i % per_transaction = 0 THEN COMMIT; END IF;
END LOOP; END $$;
"""


class Database:
    """A throw-away PostgreSQL that trusts us, named by libpq's variables."""

    def __init__(self):
        self.host = os.environ["PGHOST"]
        self.port = os.environ["PGPORT"]
        self.name = os.environ["PGDATABASE"]
        self.copies = 0
        self.programs = self.sql("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
        self.socket_dir = self.sql("SHOW unix_socket_directories").split(",")[0].strip()
        self.version = self.sql("SHOW server_version").split()[0]
        data = self.sql("SHOW data_directory")
        with open(f"{data}/postmaster.pid", encoding="ascii") as pid_file:
            self.pid = int(pid_file.readline())

    def sql(self, text, database=None):
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.host, "-p", self.port]
        command += ["-U", "postgres", "-d", database or self.name, "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failed(done.stderr.strip())
        return done.stdout.strip()

    def program(self, name):
        """Path of one of PostgreSQL's programs, None when this machine lacks it."""
        path = f"{self.programs}/{name}"
        return path if os.access(path, os.X_OK) else shutil.which(name)

    def prepare(self):
        for setting in (
            "max_wal_size = '60GB'",
            "checkpoint_timeout = '1h'",
            "wal_sender_timeout = 0",
            "max_slot_wal_keep_size = -1",
        ):
            self.sql(f"ALTER SYSTEM SET {setting}")
        self.sql("SELECT pg_reload_conf()")
        self.sql(TABLES)

    def write(self, slot, rows, per_transaction):
        """Fills the emptied table behind a new slot; returns where the rows' WAL ends."""
        self.sql("TRUNCATE bench")
        self.sql(f"SELECT pg_create_logical_replication_slot('{slot}', 'pgoutput')")
        self.sql(f"CALL fill(1, {rows}, {per_transaction})")
        end = self.sql("SELECT pg_current_wal_insert_lsn()")
        # pg_recvlogical stops at the first message behind its end position.
        self.sql("INSERT INTO marker SELECT count(*) FROM marker")
        return end

    def copy_slot(self, slot):
        """A slot of its own for one run, at the position of `slot`."""
        self.copies += 1
        name = f"{slot}_{self.copies}"
        self.sql(f"SELECT pg_copy_logical_replication_slot('{slot}', '{name}')")
        return name

    def settle(self):
        """Waits until no session but ours is left, so that all of their CPU time is accounted."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE backend_type IN " \
            "('client backend', 'walsender') AND pid <> pg_backend_pid()"
        wait_until(lambda: self.sql(others) == "0", "sessions to end")
        # The postmaster takes the time of an ended session over when it reaps it.
        time.sleep(0.1)

    def drop_slot(self, slot):
        self.sql(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots "
            f"WHERE slot_name = '{slot}' AND NOT active"
        )
