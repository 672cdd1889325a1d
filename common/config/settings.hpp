// What an administrator can set, as typed values with their defaults: one struct a section of the configuration file.
// config::load() (load.hpp) makes one and has checked it; a default-constructed one lacks only what has no default.
#pragma once

#include "common/secret/sign_in.hpp"
#include "common/url/url.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace relay::config {

enum class proxy_mode {
    direct,
    environment, // HTTPS_PROXY and NO_PROXY
    fixed,       // the one below, always
};

struct proxy_settings {
    proxy_mode mode = proxy_mode::direct;
    proxy_url fixed; // with mode fixed

    friend bool operator==(const proxy_settings&, const proxy_settings&) = default;
};

using relay::auth_scheme;
using relay::channel_binding;
// Whether the free/busy time of several people at once may be asked for.
enum class distribution_lists { refuse, allow };
enum class log_level { error, warn, info, debug, trace };
enum class log_format { text, json };

// An address of this machine that other machines cannot reach.
struct loopback_endpoint {
    std::string address = "127.0.0.1"; // 127.0.0.0/8 or ::1, as text without brackets
    std::uint16_t port = 9480;         // 0: a free one

    friend bool operator==(const loopback_endpoint&, const loopback_endpoint&) = default;
};

// Where the agent keeps its queue, keys and logs where agent.data_dir is not set.
std::filesystem::path default_data_dir();
// Where the configuration is where --config does not say.
std::filesystem::path default_config_file();

struct agent_settings {
    std::string name;                                    // empty: the host's name
    std::filesystem::path data_dir = default_data_dir(); // absolute
    std::chrono::seconds drain_timeout{20};              // 0 to 600: for running commands at shutdown
    int memory_mb = 24;                                  // 8 to 4096: for all commands under way together

    friend bool operator==(const agent_settings&, const agent_settings&) = default;
};

struct cloud_settings {
    std::string url;                        // wss://; needed
    std::filesystem::path certificate_file; // absent: pki/agent.crt in data_dir (load() fills it in)
    std::filesystem::path private_key_file; // absent: pki/agent.key in data_dir (load() fills it in)
    std::filesystem::path ca_file;          // empty: the system's trust store
    // No key. Where what the cloud hands out is kept, and whether that counts: enrolment told it. Not ca_file, if an administrator set
    // that; else the same (load() fills all three in).
    std::filesystem::path told_ca_file;
    bool told_ca_counts = false;
    proxy_settings proxy;
    std::vector<std::string> proxy_auth; // of negotiate, ntlm, basic; empty: what is safe on that connection

    friend bool operator==(const cloud_settings&, const cloud_settings&) = default;
};

struct exchange_settings {
    std::string url; // https://, or http:// with allow_plaintext; needed
    auth_scheme auth = auth_scheme::ntlm;
    std::string username;                      // empty with negotiate only: the account the agent runs as
    std::filesystem::path password_file;       // empty where password_command is set, or none is needed
    std::vector<std::string> password_command; // program and arguments, run without a shell
    std::filesystem::path keytab_file; // Kerberos keys of the account in place of a password; negotiate only
    std::filesystem::path ca_file;     // empty: the system's trust store
    std::string certificate_sha256;    // 64 hex digits, lower case; empty: any certificate the CA vouches for
    config::channel_binding channel_binding = config::channel_binding::automatic;
    bool streaming = true;            // EWS streaming notifications beside polling
    int max_connections = 10;         // 1 to 100
    std::chrono::seconds timeout{30}; // 1 to 600: one request
    std::chrono::seconds settle{120}; // 1 to 86400: a write of unknown outcome is not repeated sooner
    bool allow_plaintext = false;     // http:// in url; never with basic

    friend bool operator==(const exchange_settings&, const exchange_settings&) = default;
};

struct policy_settings {
    std::vector<std::string> allow_operations{"*"}; // names of operations, '*' as wildcard; empty: none
    std::vector<std::string> allow_mailboxes{"*"};  // addresses, '*' as wildcard; empty: none
    std::vector<std::string> deny_mailboxes;        // deny wins
    std::vector<std::string> allow_attendees{"*"}; // addresses, '*' as wildcard; empty: nobody may be invited
    std::vector<std::string> deny_attendees;       // deny wins
    std::int64_t max_invitations_per_hour = 0;     // 0 to 1,000,000 from each host; 0: no limit
    config::distribution_lists distribution_lists =
        config::distribution_lists::refuse; // in availability, if the rules on mailboxes restrict

    friend bool operator==(const policy_settings&, const policy_settings&) = default;
};

struct audit_settings {
    std::chrono::days retention{400}; // 1 to 3650
    int max_mb = 1'024;               // 16 to 1,048,576: past it the oldest entries go

    friend bool operator==(const audit_settings&, const audit_settings&) = default;
};

struct queue_settings {
    std::int64_t max_commands =
        100'000;                  // 1 to 10,000,000 stored at once; past it writes are answered overloaded
    std::chrono::days history{7}; // 7 to 3650: how long a finished write's result is remembered
    int history_max_mb = 512;     // 16 to 1,048,576: past it the oldest go

    friend bool operator==(const queue_settings&, const queue_settings&) = default;
};

struct log_settings {
    log_level level = log_level::info;
    log_format format = log_format::text;
    std::filesystem::path file; // empty: standard error (the journal), on Windows the Event Log

    friend bool operator==(const log_settings&, const log_settings&) = default;
};

struct status_settings {
    std::optional<loopback_endpoint> listen = loopback_endpoint{}; // nothing: turned off

    friend bool operator==(const status_settings&, const status_settings&) = default;
};

struct settings {
    agent_settings agent;
    cloud_settings cloud;
    exchange_settings exchange;
    policy_settings policy;
    audit_settings audit;
    queue_settings queue;
    log_settings log;
    status_settings status;

    friend bool operator==(const settings&, const settings&) = default;
};

} // namespace relay::config
