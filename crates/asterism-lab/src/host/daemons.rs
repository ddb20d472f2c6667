//! Starting the two daemons of a host, and what their userspace datapath needs of the namespace around it.

use std::fs;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;

use super::{Host, OvsdbListen, TRANSPORT_BRIDGE, unixctl};
use crate::address::{HostName, OVSDB_PORT, PREFIX, mac_of};
use crate::daemon::Daemon;
use crate::error::{LabError, Result};
use crate::netns::Netns;
use crate::tool::Tool;
use crate::wait::until;

/// Time that a daemon may take to be there, on a machine that builds something meanwhile.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How long a switch may go on to learn from what it counted before a change: as OPERATIONS.md advises for every host.
const REVALIDATOR_MS: u32 = 100;

impl Host {
    /// Writes a database with the transport bridge and nothing else, as a host's installation would.
    pub(super) fn install(&self) -> Result<()> {
        let file = self.database_file();
        drop(fs::remove_file(&file)); // absent on the first installation
        Tool::new("ovsdb-tool")
            .arg("create")
            .arg(&file)
            .arg("/usr/share/openvswitch/vswitch.ovsschema")
            .run(format!("making the database of {}", self.name))?;
        Ok(())
    }

    pub(super) fn start_ovsdb(&mut self) -> Result<()> {
        let socket = self.database_socket();
        let mut command = self.ovs_command("ovsdb-server");
        command.arg(self.database_file()).arg(format!("--remote=punix:{}", socket.display()));
        // As ovs-ctl does: an administrator adds listeners as rows of `Manager`.
        command.arg("--remote=db:Open_vSwitch,Open_vSwitch,manager_options");
        let address = self.name.management();
        match &self.listen {
            OvsdbListen::Tcp => {
                command.arg(format!("--remote=ptcp:{OVSDB_PORT}:{address}"));
            }
            OvsdbListen::Tls(tls) => {
                command.arg(format!("--remote=pssl:{OVSDB_PORT}:{address}")).args(tls.server_options());
            }
            OvsdbListen::AsToldByPool(tls) => {
                command.args(tls.options_from_database());
            }
        }
        let log = self.dir.join("ovsdb-server.out");
        let mut daemon = Daemon::start(format!("ovsdb-server of {}", self.name), command, &self.netns, &log)?;
        until(format!("ovsdb-server of {} listens", self.name), START_DEADLINE, || {
            if let Some(status) = daemon.ended() {
                return Err(format!("it ended ({status}): {}", daemon.log_tail(3)));
            }
            UnixStream::connect(&socket).map_err(|error| error.to_string())
        })?;
        self.ovsdb = Some(daemon);
        Ok(())
    }

    pub(super) fn start_vswitchd(&mut self) -> Result<()> {
        let name = self.name;
        let mac = mac_of(name.transport());
        // Before the switch runs: one transaction, with a counter that the switch repeats once it has taken it all up.
        let counter = self.vsctl().run_without_switch("init -- get Open_vSwitch . next_cfg")?;
        let counter = counter.trim().parse::<i64>().unwrap_or(0) + 1;
        let version = switch_version()?;
        self.vsctl().run_without_switch(&format!(
            "set Open_vSwitch . external_ids:system-id={} ovs_version={version} next_cfg={counter} \
             other_config:max-revalidator={REVALIDATOR_MS} \
             -- --may-exist add-br {TRANSPORT_BRIDGE} \
             -- set Bridge {TRANSPORT_BRIDGE} datapath_type=netdev other_config:hwaddr={mac} \
             -- --may-exist add-port {TRANSPORT_BRIDGE} eth0",
            name.flat()
        ))?;
        let mut command = self.ovs_command("ovs-vswitchd");
        command.arg(format!("unix:{}", self.database_socket().display()));
        let log = self.dir.join("ovs-vswitchd.out");
        let daemon = Daemon::start(format!("ovs-vswitchd of {name}"), command, &self.netns, &log)?;
        // Where `ovs-appctl` looks for it, so that a person needs no flags.
        let link = self.dir.join(format!("ovs-vswitchd.{}.ctl", daemon.pid()));
        drop(std::os::unix::fs::symlink("ovs-vswitchd.ctl", link));
        self.vswitchd = Some(daemon);
        self.wait_for_switch(counter)?;
        // The bridge's own port is a tap device made by the switch, and kept through its restart, address and all.
        let lines = format!(
            "link set eth0 up\naddr replace {}/{PREFIX} dev {TRANSPORT_BRIDGE}\nlink set {TRANSPORT_BRIDGE} up\n",
            name.transport()
        );
        self.netns.ip("addressing the transport bridge", lines)?;
        self.tell_neighbours()
    }

    fn wait_for_switch(&self, counter: i64) -> Result<()> {
        let line = format!("wait-until Open_vSwitch . cur_cfg={counter}");
        self.vsctl().run_without_switch(&line).map(drop).map_err(|error| {
            let log = self.vswitchd.as_ref().map(|daemon| daemon.log_tail(3)).unwrap_or_default();
            LabError::Deadline {
                what: format!("ovs-vswitchd of {} takes up its database", self.name),
                deadline: START_DEADLINE,
                last: format!("{} {log}", error.chain()),
            }
        })
    }

    /// Takes away the tap devices that the switch left, as a reboot does.
    pub(super) fn forget_taps(&self) -> Result<()> {
        let listed = Tool::new("ip").args(["-n", self.netns.name(), "tuntap", "show"]).run("listing taps")?;
        let names = listed.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name);
        let lines: String = names.map(|name| format!("link del {name}\n")).collect();
        self.netns.ip("removing taps", lines)
    }

    fn ovs_command(&self, daemon: &str) -> Command {
        let mut command = Command::new(daemon);
        let file = |suffix: &str| self.dir.join(format!("{daemon}.{suffix}")).display().to_string();
        command
            .arg(format!("--unixctl={}", file("ctl")))
            .arg(format!("--log-file={}", file("log")))
            .arg(format!("--pidfile={}", file("pid")))
            .args(["-vconsole:off", "-vsyslog:off", "-vfile:info"])
            .envs(self.environment());
        command
    }

    pub(super) fn tell_neighbours(&self) -> Result<()> {
        const AGING_MAX_S: &str = "3600"; // the longest that it accepts; each use starts it anew
        let entry = |peer: &HostName| {
            let address = peer.transport();
            ("tnl/neigh/set", vec![TRANSPORT_BRIDGE.to_owned(), address.to_string(), mac_of(address)])
        };
        let commands: Vec<_> = std::iter::once(("tnl/neigh/aging", vec![AGING_MAX_S.to_owned()]))
            .chain(self.peers.iter().map(entry))
            .collect();
        unixctl::ask(&self.dir.join("ovs-vswitchd.ctl"), &commands).map(drop)
    }
}

/// Keeps the kernel's own stack from what arrives on a NIC. The userspace datapath only gets a copy (a packet socket, which
/// sees frames before this hook), so the kernel would answer everything a second time.
pub(super) fn leave_to_the_switch(netns: &Netns, nic: &str) -> Result<()> {
    let rules = format!(
        "table netdev nic {{\n  chain in {{\n    type filter hook ingress device \"{nic}\" priority 0;\n    drop;\n  }}\n}}\n"
    );
    Tool::new("nft").args(["-f", "-"]).inside(netns).input(rules).run("leaving a NIC to the switch")?;
    // VM ports are the switch's too: the kernel must not answer a VM's ARP with an address of the host.
    netns
        .enter(|| fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1"))
        .and_then(|written| written)
        .map_err(|source| LabError::io("keeping the kernel from answering ARP", source))
}

/// The version that `ovs-ctl` writes into the root row of a host when it starts the switch.
fn switch_version() -> Result<String> {
    let text = Tool::new("ovs-vswitchd").arg("--version").run("asking for the version of ovs-vswitchd")?;
    let version = text.lines().next().and_then(|line| line.rsplit(' ').next());
    version.map(str::to_owned).ok_or_else(|| LabError::Unreadable {
        what: "ovs-vswitchd --version".into(),
        problem: "it printed nothing".into(),
    })
}
