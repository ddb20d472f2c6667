"""Drives the official Python client of XAPI against a simulated pool.

Arguments: the URL of a slave, the URL of the master. After the line `expire` is written, whoever started this destroys all
sessions and answers with a line. Ends with the line `done`, or with a traceback.
"""

import sys

import XenAPI

slave_url, master_url = sys.argv[1:]

# A slave says where its master is.
slave = XenAPI.Session(slave_url)
try:
    slave.xenapi.login_with_password("root", "secret", "1.0", "python")
    raise AssertionError("a slave let us in")
except XenAPI.Failure as failure:
    assert failure.details[0] == "HOST_IS_SLAVE", failure.details
    assert failure.details[1] in master_url, failure.details

session = XenAPI.Session(master_url)
try:
    session.xenapi.login_with_password("root", "wrong", "1.0", "python")
    raise AssertionError("a wrong password let us in")
except XenAPI.Failure as failure:
    assert failure.details == ["SESSION_AUTHENTICATION_FAILED", "root", "Authentication failure"], failure.details
session.xenapi.login_with_password("root", "secret", "1.0", "python")
api = session.xenapi

# Records: integers are texts, truth values are truth values.
hosts = api.host.get_all_records()
assert sorted(host["name_label"] for host in hosts.values()) == ["h1", "h2", "h3"]
assert all(host["enabled"] is True and host["API_version_major"] == "2" for host in hosts.values())
pool = api.pool.get_all()[0]
assert hosts[api.pool.get_master(pool)]["name_label"] == "h1"

network = api.network.create({"name_label": "py <&> é", "name_description": "", "MTU": "1450", "other_config": {"a": "b"}})
record = api.network.get_record(network)
assert record["name_label"] == "py <&> é" and record["MTU"] == "1450" and record["other_config"] == {"a": "b"}, record
assert record["managed"] is True and record["PIFs"] == [], record

# A tunnel on each host, and what events tell of it.
token = getattr(api.event, "from")(["tunnel", "pif"], "", 5.0)["token"]
transports = [pif for pif, record in api.PIF.get_all_records().items() if record["device"] == "eth1"]
tunnels = [api.tunnel.create(pif, network, "vxlan") for pif in transports]
assert [api.tunnel.get_status(tunnel) for tunnel in tunnels] == [{"active": "false"}] * 3
batch = getattr(api.event, "from")(["tunnel", "pif"], token, 5.0)
assert batch["valid_ref_counts"]["tunnel"] == 3, batch["valid_ref_counts"]
added = [event["ref"] for event in batch["events"] if (event["class"], event["operation"]) == ("tunnel", "add")]
assert sorted(added) == sorted(tunnels), batch["events"]
assert batch["token"] > token

# Failures carry their parameters.
try:
    api.network.destroy(network)
    raise AssertionError("a network with tunnels was destroyed")
except XenAPI.Failure as failure:
    assert failure.details[0] == "NETWORK_CONTAINS_PIF" and len(failure.details) == 4, failure.details

# A session that ended is renewed by the client, which calls again.
print("expire", flush=True)
sys.stdin.readline()
assert len(api.tunnel.get_all()) == 3

task = api.Async.network.create({"name_label": "later", "other_config": {}})
while api.task.get_status(task) == "pending":
    pass
assert api.task.get_result(task).startswith("<value>OpaqueRef:"), api.task.get_record(task)

for tunnel in tunnels:
    api.tunnel.destroy(tunnel)
api.network.destroy(network)
try:
    api.network.get_record(network)
    raise AssertionError("a network outlived its destruction")
except XenAPI.Failure as failure:
    assert failure.details == ["HANDLE_INVALID", "network", network], failure.details
session.xenapi.session.logout()
print("done", flush=True)
