// The commands of workestra-relay, in the order in which --help lists them. Each adds itself and its options.
#pragma once

#include "service/command_line.hpp"

namespace relay::service {

// The agent in the foreground, as systemd and a terminal start it: 0 after a signal and a drain, 1 where it could not start
// or failed (told on standard error).
void add_run(command_line& line);

// The certificate of this machine, from the cloud, for a one-time token: 0 where the machine is enrolled now (or was: then
// nothing is changed, without --force), 1 where it is not, 2 where the URL or the token is missing or none.
void add_enroll(command_line& line);
// Overwrites the value of --token in the command line that other users of the machine see. After command_line::parse().
void cover_token(int argc, char** argv);

// Every check, one after the other, each with what to do about it: 0 all well, 1 something failed.
void add_doctor(command_line& line);

// Asks the running agent over its local HTTP: 0 connected, 3 running but not connected, 4 not running.
void add_status(command_line& line);

// `queue list|show|export|retry|drop`: 0, 1 where it cannot be read or is not done, 2 where `drop` lacks --yes.
void add_queue(command_line& line);

// One archive for support, without what must not leave the customer's network: 0, or 1 where it cannot be written.
void add_support_bundle(command_line& line);
// What became of every command, from the local log; works beside a running agent and without one.
void add_audit(command_line& line);

// `config check`: every mistake at once.
void add_config(command_line& line);

// `secret set`: the service account's password, asked for or read from standard input, into its place.
void add_secret(command_line& line);

// `policy test`: what the rules of the configuration make of a command: 0 allowed, 3 denied.
void add_policy(command_line& line);

// `service install|uninstall|start|stop|status`: 1, as systemd does it; the sentence names the call.
void add_service(command_line& line);

inline void add_all(command_line& line)
{
    add_run(line);
    add_enroll(line);
    add_doctor(line);
    add_status(line);
    add_queue(line);
    add_audit(line);
    add_config(line);
    add_secret(line);
    add_policy(line);
    add_support_bundle(line);
    add_service(line);
}

} // namespace relay::service
