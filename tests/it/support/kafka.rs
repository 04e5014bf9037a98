//! Apache Kafka: one node in KRaft mode, shared by the whole run or of a test's own.

use super::process::{self, TempDir};
use super::{free_port, install, wait_until};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

const PROPERTIES: &str = include_str!("../../../scripts/servers/kafka.properties");
const LOGGING: &str = include_str!("../../../scripts/servers/log4j2.properties");
const CLUSTER_ID: &str = "bWluaWNkYy10ZXN0cy0wMQ";

/// Address of the broker that all tests of this run share: the one that `scripts/test.sh` started,
/// or one that lives as long as this process. Topics on it must be [`super::unique`].
pub(crate) fn shared() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let given = std::env::var("MINICDC_TEST_KAFKA").ok().filter(|address| !address.is_empty());
        given.unwrap_or_else(|| {
            let broker = Broker::start();
            let address = broker.address();
            // Its end is that of this process: see `process`.
            std::mem::forget(broker);
            address
        })
    })
}

/// A broker of a test's own, to kill and to start again.
#[derive(Debug)]
pub(crate) struct Broker {
    // Before `dir`: the process ends before its files go.
    child: Option<Child>,
    port: u16,
    dir: TempDir,
}

impl Broker {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// A broker with extra lines in its configuration.
    pub(crate) fn with(extra: &str) -> Self {
        let dir = TempDir::new();
        let port = free_port();
        let properties = PROPERTIES
            .replace("@PORT@", &port.to_string())
            .replace("@CONTROLLER_PORT@", &free_port().to_string())
            .replace("@DIR@", dir.path().to_str().unwrap());
        fs::write(dir.path().join("kafka.properties"), format!("{properties}{extra}\n")).unwrap();
        fs::write(dir.path().join("log4j2.properties"), LOGGING).unwrap();
        let mut broker = Self { child: None, port, dir };
        let properties = broker.properties();
        broker.java("kafka.tools.StorageTool", &["format", "-t", CLUSTER_ID, "-c", &properties]);
        broker.start_again();
        broker
    }

    /// Starts a killed broker on the same port, with what it had on disk.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "the broker runs");
        let log = File::create(self.log_path()).unwrap();
        let mut command = process::tied("KILL", "java");
        command.args(self.java_options()).args(["kafka.Kafka", &self.properties()]);
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = process::spawn(command);
        wait_until("Kafka to start", || {
            assert!(child.try_wait().unwrap().is_none(), "Kafka died:\n{}", self.log());
            self.log().contains("Kafka Server started")
        });
        self.child = Some(child);
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What the broker logged since it was last started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn properties(&self) -> String {
        self.dir.path().join("kafka.properties").to_str().unwrap().to_owned()
    }

    fn java_options(&self) -> Vec<String> {
        let logging = self.dir.path().join("log4j2.properties");
        let mut options = vec![format!("-Dlog4j2.configurationFile={}", logging.display())];
        options.extend(JAVA_OPTIONS.map(str::to_owned));
        options.extend(["-cp".to_owned(), install::kafka_class_path()]);
        options
    }

    fn java(&self, class: &str, arguments: &[&str]) {
        let mut java = Command::new("java");
        let output = java.args(self.java_options()).arg(class).args(arguments).output().unwrap();
        assert!(output.status.success(), "{class}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.kill());
        drop(child.wait());
    }
}

const JAVA_OPTIONS: [&str; 4] =
    ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];

/// Runs one of Kafka's own command-line tools and gives what it printed, line by line.
///
/// For example `tool("org.apache.kafka.tools.TopicCommand", &["--list"], broker)`.
pub(crate) fn tool(class: &str, arguments: &[&str], broker: &str) -> Vec<String> {
    let mut java = Command::new("java");
    java.args(JAVA_OPTIONS).args(["-cp", &install::kafka_class_path(), class]);
    java.args(["--bootstrap-server", broker]).args(arguments);
    let output = java.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{class} {arguments:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text.lines().map(str::to_owned).collect()
}

/// Reads `count` records of a topic from its beginning with Kafka's own console consumer;
/// `properties` are formatter properties such as `print.key=true`.
pub(crate) fn console_consumer(
    broker: &str,
    topic: &str,
    count: usize,
    properties: &[&str],
) -> Vec<String> {
    let count = count.to_string();
    let mut arguments = vec!["--topic", topic, "--from-beginning", "--max-messages", &count];
    arguments.extend(["--timeout-ms", "30000"]);
    arguments.extend(properties.iter().flat_map(|property| ["--formatter-property", property]));
    tool("org.apache.kafka.tools.consumer.ConsoleConsumer", &arguments, broker)
}
